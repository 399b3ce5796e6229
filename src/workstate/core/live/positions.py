"""A place in a stream."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

WRITTEN = re.compile(r"(?P<epoch>[0-9a-zA-Z]{1,32}):(?P<offset>[0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Position:
    """The place just after the event with this offset; offsets of different epochs cannot be compared."""

    epoch: str
    offset: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `epoch:offset`; what is not of that form is a position of no stream."""
        match = WRITTEN.fullmatch(text)
        return cls(match["epoch"], int(match["offset"])) if match else cls("", 0)

    def __str__(self) -> str:
        return f"{self.epoch}:{self.offset}"

    def behind(self, other: Position) -> int | None:
        """Count the events between this position and a later one; None when there is no telling."""
        if self.epoch != other.epoch or self.offset > other.offset:
            return None
        return other.offset - self.offset
