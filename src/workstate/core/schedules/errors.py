"""What can go wrong with schedules; the message says what to change."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from workstate.core.jobs.errors import WorkstateError

if TYPE_CHECKING:
    from collections.abc import Iterable


class ScheduleError(WorkstateError):
    """Root of all errors about schedules."""


class InvalidTimingError(ScheduleError):
    """A timing can't be read, or would never be due."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        self.field = field
        super().__init__(message)


class UnknownTimeZoneError(ScheduleError):
    """A time zone is not in the database of time zones."""

    def __init__(self, name: object) -> None:
        self.name = name
        super().__init__(f"There is no time zone {name!r}; use a name such as Europe/Berlin or UTC.")


class InvalidScheduleError(ScheduleError):
    """A schedule's name, task, arguments or options can't be stored as they are."""

    def __init__(self, message: str, *, field: str) -> None:
        self.field = field
        super().__init__(message)


class ScheduleNameTakenError(InvalidScheduleError):
    """There is a schedule of that name already."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"There is a schedule {name!r} already; choose another name.", field="name")


class ScheduleKeptInCodeError(ScheduleError):
    """A schedule of CELERY_BEAT_SCHEDULE is edited there; here it can only be switched on and off, and run now."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"{self.__doc__} This is about {name!r}.")


class UnknownScheduleError(ScheduleError):
    """There is no schedule of that name."""

    def __init__(self, name: str, names: Iterable[str]) -> None:
        self.name = name
        near = get_close_matches(name, names, n=1)
        super().__init__(f"There is no schedule {name!r}." + (f" Did you mean {near[0]!r}?" if near else ""))
