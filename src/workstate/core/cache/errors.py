"""What can go wrong with a cache that its user can mend."""

from __future__ import annotations


class CacheError(Exception):
    """A cache can't do what it was asked."""


class NotCacheableError(CacheError, TypeError):
    """A value has no lasting form: cache plain data (numbers, text, lists, dicts, dates), not objects."""

    def __init__(self, value: object) -> None:
        kind = type(value)
        super().__init__(
            f"A {kind.__module__}.{kind.__qualname__} can't be cached. Cache plain data: None, bool, int, float, str, "
            "bytes, list, tuple, dict, set, frozenset, datetime, date, time, timedelta, Decimal, UUID."
        )
        self.value = value


class UnsettledError(CacheError):
    """The regime moved under an operation each time that it was tried."""
