"""The contract of a timing: from a moment to the next due time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Self

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo


class Timing(ABC):
    """When something is due; an immutable value that is stored as JSON under its `key`."""

    __slots__ = ()

    key: ClassVar[str]

    @classmethod
    @abstractmethod
    def from_json(cls, stored: dict[str, object]) -> Self:
        """Build the timing from what `to_json` gave, or from what a person typed.

        Raises InvalidTimingError.
        """

    @abstractmethod
    def to_json(self) -> dict[str, object]:
        """Return plain values, with `key` among them."""

    @abstractmethod
    def next_after(self, moment: datetime, *, zone: ZoneInfo, starts_at: datetime) -> datetime | None:
        """Return the first due time strictly after the moment, in UTC; None when there is none any more.

        It depends on the arguments alone, and grows with the moment: that is what makes
        a due time the same for every scheduler. `starts_at` is where intervals and
        recurrences count from.
        """
