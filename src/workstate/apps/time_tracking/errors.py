"""What can go wrong in time tracking; the message is what the person reads."""

from __future__ import annotations


class TimeTrackingError(Exception):
    """Something that a person asked of time tracking can't be done."""


class EntryRefusedError(TimeTrackingError):
    """An entry can't be stored as it was given; `field` names the input that has to change."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class UnreadableFileError(TimeTrackingError):
    """A file can't be imported at all; the message says what it is and what to do."""


class UnreadableRowError(TimeTrackingError):
    """A row of a file can't be taken; the message is kept as the reason."""


class OvertakenError(TimeTrackingError):
    """Another worker has gone on with the same import: this one stops and changes nothing."""
