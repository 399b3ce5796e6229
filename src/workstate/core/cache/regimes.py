"""The row that says which tier carries a cache, under which epoch: how it is read and moved.

It is read through Django's own connection. It is moved at once, whatever becomes of the caller's transaction: on
PostgreSQL through a connection of its own. On SQLite that would wait for the caller, who has the lock; so there the
caller's transaction moves it, and `is_certain` says no.
"""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.db import connections, router
from django.utils import timezone

from workstate.core.cache.errors import UnsettledError
from workstate.core.cache.models import CacheRegime
from workstate.core.jobs.interruptions import uninterrupted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.backends.base.base import BaseDatabaseWrapper

EPOCH_BYTES = 8
REDIS = CacheRegime.Carrier.REDIS.value
DATABASE = CacheRegime.Carrier.DATABASE.value

READ = "SELECT carrier, epoch, server, beats FROM workstate_cache_regime WHERE name = %s"
CREATE = (
    "INSERT INTO workstate_cache_regime (name, carrier, epoch, server, beats, since)"
    " VALUES (%s, %s, %s, '', 0, %s) ON CONFLICT (name) DO NOTHING"
)
MOVE = (
    "UPDATE workstate_cache_regime SET carrier = %s, epoch = %s, server = %s,"
    " since = CASE WHEN carrier = %s THEN since ELSE %s END WHERE name = %s AND epoch = %s"
)
BEAT = "UPDATE workstate_cache_regime SET beats = beats + 1 WHERE name = %s AND beats = %s"


@dataclass(frozen=True, slots=True, kw_only=True)
class Regime:
    """What the row says."""

    carrier: str
    epoch: str
    server: str
    beats: int

    @property
    def is_redis(self) -> bool:
        """Tell whether Redis carries the cache."""
        return self.carrier == REDIS

    def under(self, carrier: str, server: str) -> Regime:
        """Return the regime after this one, under an epoch that was never used before."""
        return replace(self, carrier=carrier, server=server, epoch=make_epoch())


class RegimeRow:
    """The row of one cache."""

    def __init__(self, name: str, first_carrier: str) -> None:
        self._name = name
        self._first_carrier = first_carrier
        self._alias = router.db_for_write(CacheRegime)

    @property
    def is_certain(self) -> bool:
        """Tell whether what is read and written now stands, whatever becomes of the caller's transaction."""
        return not (self._is_sqlite and self._is_in_transaction)

    def read(self) -> Regime:
        """Return what the row says; make it when there is none."""
        row = self._find() or self._make()
        carrier, epoch, server, beats = row
        return Regime(carrier=carrier, epoch=epoch, server=server, beats=beats)

    def move(self, before: Regime, after: Regime) -> None:
        """Write the new regime, unless somebody was quicker: then theirs is as new."""
        values = [after.carrier, after.epoch, after.server, after.carrier, timezone.now(), self._name, before.epoch]
        self._write(MOVE, values)

    def beat(self, regime: Regime) -> None:
        """Count on, which keeps others from going back to Redis, unless somebody has since."""
        self._write(BEAT, [self._name, regime.beats])

    def close(self) -> None:
        """Close the calling thread's connection; for threads that nobody else closes it for."""
        with uninterrupted:
            connections[self._alias].close()

    @property
    def _is_in_transaction(self) -> bool:
        return connections[self._alias].in_atomic_block

    @property
    def _is_sqlite(self) -> bool:
        return connections[self._alias].vendor == "sqlite"

    def _make(self) -> tuple[Any, ...]:
        self._write(CREATE, [self._name, self._first_carrier, make_epoch(), timezone.now()])
        if (row := self._find()) is None:
            raise UnsettledError(f"The regime of cache {self._name} was made by nobody, or out of this one's sight.")
        return row

    def _find(self) -> tuple[Any, ...] | None:
        with uninterrupted, connections[self._alias].cursor() as cursor:
            cursor.execute(READ, [self._name])
            row: tuple[Any, ...] | None = cursor.fetchone()
            return row

    def _write(self, statement: str, values: list[Any]) -> None:
        with uninterrupted, self._moving_connection() as connection, connection.cursor() as cursor:
            cursor.execute(statement, values)

    @contextmanager
    def _moving_connection(self) -> Iterator[BaseDatabaseWrapper]:
        if self._is_sqlite or not self._is_in_transaction:
            yield connections[self._alias]
            return
        connection = connections.create_connection(self._alias)
        try:
            yield connection
        finally:
            connection.close()


def make_epoch() -> str:
    """Return a name that no epoch has had, not even one that a database restored from a backup has forgotten."""
    return secrets.token_hex(EPOCH_BYTES)
