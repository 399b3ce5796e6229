"""Puts the lines of all children on one screen, each behind the name of who said it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from workstate.cli.terminal import Colour, paint, wants_colour

if TYPE_CHECKING:
    from collections.abc import Sequence

COLOURS = (Colour.CYAN, Colour.MAGENTA, Colour.BLUE, Colour.YELLOW)
OWN_NAME = "workstate"
LONGEST_LINE_BYTES = 65_536


class Output:
    """Writes prefixed lines to one stream."""

    def __init__(self, names: Sequence[str], stream: TextIO) -> None:
        self._stream = stream
        self._colourful = wants_colour(stream)
        self._width = max(map(len, [OWN_NAME, *names]))
        self._colours = dict(zip(names, COLOURS, strict=False))

    def say(self, text: str, *, name: str = OWN_NAME) -> None:
        """Write one line of the supervisor or of a child."""
        prefix = paint(f"{name:<{self._width}} |", self._colours.get(name, Colour.BOLD), colourful=self._colourful)
        self.write(f"{prefix} {text}")

    def write(self, text: str = "") -> None:
        """Write text as it is."""
        print(text, file=self._stream, flush=True)


class Lines:
    """Gathers the bytes of one child into lines."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """Return the lines that these bytes complete; a line that never ends is cut."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE_BYTES:
            lines.append(self._rest)
            self._rest = b""
        return [_text(line) for line in lines]

    def finish(self) -> list[str]:
        """Return what stands after the last line break, if anything does."""
        rest, self._rest = self._rest, b""
        return [_text(rest)] if rest else []


def _text(line: bytes) -> str:
    return line.decode(errors="replace").rstrip("\r")
