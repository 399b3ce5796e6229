"""Opens a file as a table: encoding, separator and layout found from the file itself."""

from __future__ import annotations

import csv
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workstate.apps.time_tracking.errors import UnreadableFileError, UnreadableRowError
from workstate.apps.time_tracking.import_formats.clockify import CLOCKIFY
from workstate.apps.time_tracking.import_formats.dates import DateOrderFinder
from workstate.apps.time_tracking.import_formats.encoding import EXPORT_HINT, find_encoding
from workstate.apps.time_tracking.import_formats.toggl import TOGGL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workstate.apps.time_tracking.import_formats.base import Layout

LAYOUTS = (CLOCKIFY, TOGGL)
SEPARATORS = (",", ";", "\t")
LONGEST_HEADER = 20_000
COLUMNS_SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFormat:
    """All that has to be known to read a file."""

    encoding: str
    separator: str
    layout: Layout
    header: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row: its cells by column, or why it has none. `number` is its last line in the file, from 1."""

    number: int
    cells: dict[str, str]
    error: UnreadableRowError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a look at the whole file has shown."""

    rows: int
    dates: DateOrderFinder


def find_format(path: Path) -> TableFormat:
    """Return how the file is to be read; raises UnreadableFileError with what to do."""
    encoding = find_encoding(path)
    with path.open(encoding=encoding, newline="") as file:
        first_line = file.readline(LONGEST_HEADER)
    for separator in SEPARATORS:
        header = _header(first_line, separator)
        for layout in LAYOUTS:
            if layout.recognises(header):
                return TableFormat(encoding=encoding, separator=separator, layout=layout, header=header)
    raise UnreadableFileError(
        "The first line does not name the columns of a detailed report of Toggl Track or Clockify; "
        f"it begins with: {_shown(first_line)}. {EXPORT_HINT}"
    )


def survey(path: Path, table: TableFormat) -> Survey:
    """Read the file once to its end: how many rows it has, and how it writes dates."""
    rows = 0
    dates = DateOrderFinder()
    with open_lines(path, table) as lines:
        for line in lines:
            rows += 1
            dates.watch(table.layout.start_date_of(line.cells))
    return Survey(rows=rows, dates=dates)


@contextmanager
def open_lines(path: Path, table: TableFormat) -> Iterator[Iterator[Line]]:
    """Give the rows after the header, one at a time; lines without any text are passed over."""
    with path.open(encoding=table.encoding, newline="") as file:
        reader = csv.reader(file, delimiter=table.separator)
        next(reader)
        yield _lines(reader, table.header)


def _lines(reader: Iterator[list[str]], header: tuple[str, ...]) -> Iterator[Line]:
    while True:
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield _refused(reader, "A cell has no end: is a quotation mark missing?")
            continue
        cells = [value.replace("\x00", "�").strip() for value in values]
        if not any(cells):
            continue
        if len(cells) > len(header):
            yield _refused(reader, f"There are {len(cells)} cells where the header has {len(header)}.")
            continue
        yield Line(number=reader.line_num, cells=dict(zip(header, cells, strict=False)))  # type: ignore[attr-defined]


def _refused(reader: Iterator[list[str]], reason: str) -> Line:
    return Line(number=reader.line_num, cells={}, error=UnreadableRowError(reason))  # type: ignore[attr-defined]


def _header(first_line: str, separator: str) -> tuple[str, ...]:
    try:
        names = next(csv.reader([first_line], delimiter=separator), [])
    except csv.Error:
        return ()
    return tuple(" ".join(name.replace("\ufeff", "").split()).lower() for name in names)


def _shown(first_line: str) -> str:
    names = [name.strip(' "\ufeff') for name in first_line[:200].strip().split(",")]
    return ", ".join(f"“{name}”" for name in names[:COLUMNS_SHOWN])
