"""Calm output for people: colour only where it is wanted, lines that fit 80 columns."""

from __future__ import annotations

import getpass
import os
import textwrap
from enum import Enum
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Sequence

COLUMNS = 80


class Colour(Enum):
    """The colours we use, as the terminal's codes."""

    RED = "31"
    GREEN = "32"
    YELLOW = "33"
    BLUE = "34"
    MAGENTA = "35"
    CYAN = "36"
    BOLD = "1"
    DIM = "2"


def current_user() -> str:
    """Return the name of who types; nothing where the system knows none, as in a container with a user of its own."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""


def wants_colour(stream: TextIO) -> bool:
    """Whether the stream is a terminal whose owner did not turn colour off."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def paint(text: str, colour: Colour, *, colourful: bool) -> str:
    """Return the text in that colour, or as it is."""
    return f"\033[{colour.value}m{text}\033[0m" if colourful else text


def paragraph(text: str, *, indent: int) -> str:
    """Return the text wrapped to the screen behind an indent, long words and addresses kept whole."""
    margin = " " * indent
    return textwrap.fill(
        text,
        COLUMNS,
        initial_indent=margin,
        subsequent_indent=margin,
        break_long_words=False,
        break_on_hyphens=False,
    )


def table(head: Sequence[str], rows: Sequence[Sequence[str]], *, figures: Sequence[int] = (), indent: int = 2) -> str:
    """Return aligned columns under their heads; the columns in `figures` end at the right."""
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    margin = " " * indent
    return "\n".join(margin + _line(row, widths, figures) for row in [head, *rows])


def _line(row: Sequence[str], widths: Sequence[int], figures: Sequence[int]) -> str:
    cells = [
        cell.rjust(width) if column in figures else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    return "  ".join(cells).rstrip()
