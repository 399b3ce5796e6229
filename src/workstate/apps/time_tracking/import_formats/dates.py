"""Dates, times and durations as Toggl Track and Clockify write them.

Both follow a setting of their user: 2026-03-04, 03/04/2026, 04.03.2026 or 04-03-2026;
09:05, 09:05:30 or 9:05 AM. Whether 03/04 is in March or in April only the whole file
can tell, by a day past 12; a file that can't is not guessed at.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from workstate.apps.time_tracking.days import is_trackable
from workstate.apps.time_tracking.errors import UnreadableFileError, UnreadableRowError

MONTHS = 12
HOURS_OF_HALF_A_DAY = 12

YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})")
YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})[-/.](\d{4})")
CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?\s*(?:([AaPp])\.?[Mm]\.?)?")
LENGTH = re.compile(r"(\d{1,5}):(\d{2})(?::(\d{2}))?")


class SlashOrder(StrEnum):
    """What comes first in 03/04/2026."""

    DAY_FIRST = "day_first"
    MONTH_FIRST = "month_first"


@dataclass(slots=True)
class DateOrderFinder:
    """Watches the dates of a file until it is plain whether they write the day or the month first."""

    day_first: int = 0
    month_first: int = 0
    undecided: int = 0

    def watch(self, text: str) -> None:
        """Take one date into account; what is no date is left for the row's own error."""
        match = YEAR_LAST.fullmatch(text)
        if match is None:
            return
        first, separator, second = int(match[1]), match[2], int(match[3])
        # 04.03.2026 is written where the day comes first, and nowhere else.
        if separator == "." or first > MONTHS >= second:
            self.day_first += 1
        elif second > MONTHS >= first:
            self.month_first += 1
        else:
            self.undecided += 1

    def decide(self) -> SlashOrder:
        """Return the order; raises UnreadableFileError when the file contradicts itself or can't tell."""
        if self.day_first and self.month_first:
            raise UnreadableFileError(
                "Some dates in this file have the day first and some the month first. "
                "Choose one date format in the tool that wrote it and export again."
            )
        if self.undecided and not self.day_first and not self.month_first:
            raise UnreadableFileError(
                "The dates in this file can be read with the day first or with the month first. "
                "Choose under “Dates” which it is and upload the file again."
            )
        return SlashOrder.MONTH_FIRST if self.month_first else SlashOrder.DAY_FIRST


def parse_date(text: str, order: SlashOrder) -> date:
    """Return the date that `text` names; raises UnreadableRowError."""
    if match := YEAR_FIRST.fullmatch(text):
        year, month, day = int(match[1]), int(match[2]), int(match[3])
    elif match := YEAR_LAST.fullmatch(text):
        first, second, year = int(match[1]), int(match[3]), int(match[4])
        day, month = (first, second) if order is SlashOrder.DAY_FIRST else (second, first)
    else:
        raise UnreadableRowError(f"“{text[:40]}” is no date." if text else "The date is missing.")
    try:
        parsed = date(year, month, day)
    except ValueError as error:
        raise UnreadableRowError(f"“{text}” is no date.") from error
    if not is_trackable(parsed):
        raise UnreadableRowError(f"“{text}” is not a day on which time was tracked.")
    return parsed


def parse_time(text: str, day: date) -> datetime:
    """Return `day` at the time that `text` names, without a zone; raises UnreadableRowError."""
    match = CLOCK.fullmatch(text)
    if match is None:
        raise UnreadableRowError(f"“{text[:40]}” is no time of day." if text else "The time of day is missing.")
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    if half := match[4]:
        if not 1 <= hour <= HOURS_OF_HALF_A_DAY:
            raise UnreadableRowError(f"“{text}” is no time of day.")
        hour = hour % HOURS_OF_HALF_A_DAY + (HOURS_OF_HALF_A_DAY if half in "Pp" else 0)
    try:
        return datetime.combine(day, time(hour, minute, second))
    except ValueError as error:
        raise UnreadableRowError(f"“{text}” is no time of day.") from error


def parse_length(text: str) -> timedelta | None:
    """Return a duration written as H:MM or H:MM:SS; None when it is written otherwise or not at all."""
    match = LENGTH.fullmatch(text)
    if match is None:
        return None
    return timedelta(hours=int(match[1]), minutes=int(match[2]), seconds=int(match[3] or 0))
