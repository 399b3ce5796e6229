"""How lengths of time are written."""

from __future__ import annotations

from datetime import timedelta

SECONDS_IN_MINUTE = 60
SECONDS_IN_HOUR = 3600


def format_short(length: timedelta) -> str:
    """Return hours and minutes, such as 1:05; seconds are dropped, never rounded up."""
    seconds = whole_seconds(length)
    return f"{seconds // SECONDS_IN_HOUR}:{seconds % SECONDS_IN_HOUR // SECONDS_IN_MINUTE:02}"


def format_exact(length: timedelta) -> str:
    """Return hours, minutes and seconds, such as 1:05:09."""
    return f"{format_short(length)}:{whole_seconds(length) % SECONDS_IN_MINUTE:02}"


def format_spoken(length: timedelta) -> str:
    """Return the length in words, for a screen reader: 1 hour 5 minutes 9 seconds."""
    seconds = whole_seconds(length)
    amounts = {
        "hour": seconds // SECONDS_IN_HOUR,
        "minute": seconds % SECONDS_IN_HOUR // SECONDS_IN_MINUTE,
        "second": seconds % SECONDS_IN_MINUTE,
    }
    words = [f"{amount} {unit}{'' if amount == 1 else 's'}" for unit, amount in amounts.items() if amount]
    return " ".join(words) or "0 seconds"


def format_machine(length: timedelta) -> str:
    """Return the length as HTML's `datetime` attribute takes it, such as PT1H5M9S."""
    seconds = whole_seconds(length)
    hours, rest = divmod(seconds, SECONDS_IN_HOUR)
    return f"PT{hours}H{rest // SECONDS_IN_MINUTE}M{rest % SECONDS_IN_MINUTE}S"


def decimal_hours(length: timedelta) -> str:
    """Return the length in hours with four places, exact to under a second."""
    return f"{whole_seconds(length) / SECONDS_IN_HOUR:.4f}"


def whole_seconds(length: timedelta) -> int:
    """Return the seconds that have passed in full; never less than none."""
    return max(0, length // timedelta(seconds=1))
