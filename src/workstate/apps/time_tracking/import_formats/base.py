"""The contract of a layout, and the row that every layout reads."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workstate.apps.time_tracking.errors import UnreadableRowError
from workstate.apps.time_tracking.import_formats.dates import parse_date, parse_length, parse_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime, timedelta

    from workstate.apps.time_tracking.import_formats.dates import SlashOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedRow:
    """One entry as its file tells it; the times are those of a clock on the wall."""

    email: str
    client: str
    project: str
    task: str
    description: str
    tags: str
    billable: str
    start: datetime
    end: datetime | None
    length: timedelta | None

    @property
    def project_name(self) -> str:
        """The project with its client: two clients may each have an "Inspection"."""
        return f"{self.project} ({self.client})" if self.project and self.client else self.project or self.client

    @property
    def details(self) -> dict[str, str]:
        """What a time entry has no column for."""
        known = {"client": self.client, "task": self.task, "tags": self.tags, "billable": self.billable}
        return {name: value for name, value in known.items() if value}

    def digest(self, layout: str) -> str:
        """Return what tells this content from any other, however the file wrote its dates."""
        parts = [
            layout,
            self.email,
            self.client,
            self.project,
            self.task,
            self.description,
            self.tags,
            self.billable,
            self.start.isoformat(),
            self.end.isoformat() if self.end else str(self.length),
        ]
        return hashlib.blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """How one tool names its columns; names are compared without case, in the order given."""

    name: str
    start_date: tuple[str, ...]
    start_time: tuple[str, ...]
    end_date: tuple[str, ...]
    end_time: tuple[str, ...]
    length: tuple[str, ...]
    marks: frozenset[str]

    def recognises(self, header: Iterable[str]) -> bool:
        """Whether a file with this header (lower case) was written in this layout."""
        names = set(header)
        needed = (self.start_date, self.start_time)
        ends = (self.end_time, self.length)
        return (
            all(names.intersection(column) for column in needed)
            and any(names.intersection(column) for column in ends)
            and bool(names & self.marks)
        )

    def start_date_of(self, cells: Mapping[str, str]) -> str:
        """Return the text of the date on which a row starts."""
        return _first(cells, self.start_date)

    def read(self, cells: Mapping[str, str], order: SlashOrder) -> ImportedRow:
        """Return the row as an entry; raises UnreadableRowError with the reason."""
        start_date = parse_date(self.start_date_of(cells), order)
        start = parse_time(_first(cells, self.start_time), start_date)
        end_text = _first(cells, self.end_time)
        end_date = _first(cells, self.end_date)
        length = parse_length(_first(cells, self.length))
        if not end_text and length is None:
            raise UnreadableRowError("There is neither an end time nor a duration.")
        return ImportedRow(
            email=cells.get("email", "").lower(),
            client=cells.get("client", ""),
            project=cells.get("project", ""),
            task=cells.get("task", ""),
            description=cells.get("description", ""),
            tags=cells.get("tags", "") or cells.get("tag", ""),
            billable=cells.get("billable", ""),
            start=start,
            end=parse_time(end_text, parse_date(end_date, order) if end_date else start_date) if end_text else None,
            length=length,
        )


def _first(cells: Mapping[str, str], names: Iterable[str]) -> str:
    return next((cells[name] for name in names if cells.get(name)), "")
