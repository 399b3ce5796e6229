"""Entries in a table of the database: the second level, and the only one of durable keys.

It speaks through Django's own connection, so that it sees what the caller's transaction has written, and what it
writes is rolled back with it. Within a transaction each write is a savepoint: one that fails costs the cache an entry
and the caller nothing.
"""

from __future__ import annotations

import time
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from django.db import connections, router, transaction

from workstate.core.cache import patterns
from workstate.core.cache.base import Tier
from workstate.core.cache.models import CacheEntry
from workstate.core.cache.promises import PROMISE
from workstate.core.jobs.interruptions import uninterrupted

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

KEYS_AT_ONCE = 200
TABLE = "workstate_cache_entry"
IS_LIVE = f"({TABLE}.expires_at IS NULL OR {TABLE}.expires_at > %s)"
HAS_VALUE = f"{IS_LIVE} AND substr({TABLE}.payload, 1, 1) <> %s"
READ = f"SELECT key, payload, expires_at FROM {TABLE} WHERE {IS_LIVE} AND key IN ({{marks}})"
INSERT = f"INSERT INTO {TABLE} (key, epoch, payload, expires_at) VALUES {{rows}}"
OVERWRITE = "ON CONFLICT (key) DO UPDATE SET payload = excluded.payload, expires_at = excluded.expires_at"
REPLACE = (
    f"UPDATE {TABLE} SET payload = %s, expires_at = %s WHERE key = %s AND {IS_LIVE} AND substr(payload, 1, %s) = %s"
)
TOUCH = f"UPDATE {TABLE} SET expires_at = %s WHERE key = %s AND {HAS_VALUE}"
DELETE = f"DELETE FROM {TABLE} WHERE key IN ({{marks}}) RETURNING {HAS_VALUE}"
COUNT_ON = f"UPDATE {TABLE} SET payload = %s WHERE key = %s AND payload = %s AND {IS_LIVE}"
DELETE_PATTERN = {
    "sqlite": f"DELETE FROM {TABLE} WHERE epoch = %s AND key GLOB %s",
    "postgresql": f"DELETE FROM {TABLE} WHERE epoch = %s AND key LIKE %s",
}
TRANSLATE = {"sqlite": patterns.to_glob, "postgresql": patterns.to_like}
SWEEP = {
    "sqlite": f"DELETE FROM {TABLE} WHERE epoch NOT IN (%s, '') AND key GLOB %s",
    "postgresql": f"DELETE FROM {TABLE} WHERE epoch NOT IN (%s, '') AND key LIKE %s",
}


class DatabaseTier(Tier):
    """The entries of one cache under one epoch; under none, they are durable."""

    def __init__(self, name: str, epoch: str) -> None:
        self._name = name
        self._epoch = epoch
        self._prefix = f"{name}:{epoch}:"
        self._alias = router.db_for_write(CacheEntry)

    def read(self, keys: Collection[str]) -> dict[str, bytes]:
        """Ask with one SELECT for each 200 keys."""
        return {key: payload for key, (payload, _) in self.read_entries(keys).items()}

    def read_entries(self, keys: Collection[str]) -> dict[str, tuple[bytes, float | None]]:
        """Return payloads with the moments at which they expire."""
        found: dict[str, tuple[bytes, float | None]] = {}
        for portion in _portions(keys):
            marks = ", ".join(["%s"] * len(portion))
            rows = self._query(READ.format(marks=marks), [time.time(), *map(self._prefix.__add__, portion)])
            found |= {key.removeprefix(self._prefix): (bytes(payload), moment) for key, payload, moment in rows}
        return found

    def write(self, payloads: Mapping[str, bytes], lifetime: float | None) -> None:
        """Set all of the keys in their order, so that two who set the same ones don't wait for each other."""
        expires_at = _moment(lifetime)
        for portion in _portions(sorted(payloads)):
            rows = ", ".join(["(%s, %s, %s, %s)"] * len(portion))
            values = [v for key in portion for v in (self._prefix + key, self._epoch, payloads[key], expires_at)]
            self._execute(f"{INSERT.format(rows=rows)} {OVERWRITE}", values)

    def add(self, key: str, payload: bytes, lifetime: float | None, *, over_promise: bool = True) -> bool:
        """Insert the row, or overwrite one that holds nothing any more."""
        kept, values = (HAS_VALUE, [time.time(), PROMISE]) if over_promise else (IS_LIVE, [time.time()])
        insert = INSERT.format(rows="(%s, %s, %s, %s)")
        row = [self._prefix + key, self._epoch, payload, _moment(lifetime)]
        return self._execute(f"{insert} {OVERWRITE} WHERE NOT ({kept})", [*row, *values]) == 1

    def replace(self, key: str, mark: bytes, payload: bytes, lifetime: float | None) -> bool:
        """Compare and set."""
        values = [payload, _moment(lifetime), self._prefix + key, time.time(), len(mark), mark]
        return self._execute(REPLACE, values) == 1

    def touch(self, key: str, lifetime: float | None) -> bool:
        """Give a value another lifetime."""
        return self._execute(TOUCH, [_moment(lifetime), self._prefix + key, time.time(), PROMISE]) == 1

    def delete(self, keys: Collection[str]) -> int:
        """Delete keys in their order."""
        count = 0
        for portion in _portions(sorted(keys)):
            statement = DELETE.format(marks=", ".join(["%s"] * len(portion)))
            rows = self._query(
                statement, [*map(self._prefix.__add__, portion), time.time(), PROMISE], within=self._savepoint()
            )
            count += sum(bool(had_value) for (had_value,) in rows)
        return count

    def increment(self, key: str, delta: int) -> int | None:
        """Compare and set until nobody came in between."""
        while (payload := self.read([key]).get(key)) is not None and _is_number(payload):
            total = int(payload) + delta
            if self._execute(COUNT_ON, [b"%d" % total, self._prefix + key, payload, time.time()]) == 1:
                return total
        return None

    def delete_pattern(self, pattern: str) -> int:
        """Delete what matches, among the entries of this epoch."""
        vendor = connections[self._alias].vendor
        return self._execute(DELETE_PATTERN[vendor], [self._epoch, TRANSLATE[vendor](self._prefix, pattern)])

    def sweep(self) -> None:
        """Remove this cache's rows of other epochs."""
        vendor = connections[self._alias].vendor
        self._execute(SWEEP[vendor], [self._epoch, TRANSLATE[vendor](f"{self._name}:", "*")])

    def _savepoint(self) -> AbstractContextManager[None]:
        """Return what keeps a failure of the cache from failing the caller's transaction."""
        return transaction.atomic(self._alias) if connections[self._alias].in_atomic_block else nullcontext()

    def _execute(self, statement: str, values: Sequence[Any]) -> int:
        with uninterrupted, self._savepoint(), connections[self._alias].cursor() as cursor:
            cursor.execute(statement, values)
            return int(cursor.rowcount)

    def _query(
        self, statement: str, values: Sequence[Any], within: AbstractContextManager[None] | None = None
    ) -> list[tuple[Any, ...]]:
        with uninterrupted, within or nullcontext(), connections[self._alias].cursor() as cursor:
            cursor.execute(statement, values)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows


def _portions(keys: Iterable[str]) -> Iterable[Sequence[str]]:
    whole = list(keys)
    return (whole[start : start + KEYS_AT_ONCE] for start in range(0, len(whole), KEYS_AT_ONCE))


def _is_number(payload: bytes) -> bool:
    return payload[:1] in b"-0123456789"


def _moment(lifetime: float | None) -> float | None:
    return None if lifetime is None else time.time() + lifetime
