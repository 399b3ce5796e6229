"""Wake up when something was committed: a hint that there is something to read, never the thing itself.

Whoever waits for rows (the broker for jobs, the live hub for events) opens a watcher and looks at
its tables each time the watcher calls. Correctness never rests on a call: one may be lost, doubled
or early, so the one who is called reads its tables and finds out.

A database decides how the hint travels:

- **SQLite file**: nothing is sent. The watcher has a connection of its own and compares
  `PRAGMA data_version`, which moves with every commit of any other connection; inotify tells it
  when to look, and where there is no inotify it looks every 5 ms.
- **PostgreSQL**: `hint()` sends one `NOTIFY` after the commit, many commits in one, and the watcher
  has a connection that listens.
- **PostgreSQL and Redis**, for those who ask for it: the hint also travels through a channel of Redis,
  for connections through a pooler that `LISTEN` does not work with. Whichever comes first wakes.
- **Anything else**, SQLite in memory included: the watcher calls once a second.

When things fail: a watcher outlives its database. It reports once that it cannot see and once that
it can again, calls once a second meanwhile on PostgreSQL, and calls once after each interruption,
because what was committed while nobody looked is news too. Redis being away costs its hints alone. After a fork the child has no watcher
and a notifier of its own.
"""

from __future__ import annotations

import atexit
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from django.db import connections, transaction

from workstate.core.wakeup.base import Watcher
from workstate.core.wakeup.notifier import Notifier
from workstate.core.wakeup.sqlite import SQLiteWatcher
from workstate.core.wakeup.ticking import TickingWatcher

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from workstate.core.wakeup.notifier import Carrier

__all__ = ["Watcher", "close_notifiers", "hint", "hint_at_once", "open_watcher", "open_watchers"]

_notifiers: dict[tuple[int, str], Notifier] = {}


def open_watcher(alias: str, channel: str, on_change: Callable[[], None], *, also: Sequence[Path] = ()) -> Watcher:
    """Make a watcher, not yet started, that calls `on_change` soon after any other connection committed.

    `alias` names a database of the settings, `channel` what `hint()` was told (a plain identifier).
    On SQLite every commit to the file calls, whatever the channel, and so does a commit to one of
    the SQLite files in `also`; elsewhere `also` means nothing. `on_change` runs in the watcher's
    thread, at most about once a millisecond, and should be quick.
    """
    connection = connections[alias]
    if connection.vendor == "postgresql":
        from workstate.core.wakeup.postgresql import PostgreSQLWatcher  # only here, because it needs psycopg

        return PostgreSQLWatcher(connection.get_connection_params(), channel, on_change)
    if connection.vendor == "sqlite" and not connection.is_in_memory_db():  # type: ignore[attr-defined]
        return SQLiteWatcher([Path(connection.settings_dict["NAME"]), *also], on_change)
    return TickingWatcher(on_change)


def open_watchers(alias: str, channel: str, on_change: Callable[[], None], *, redis: str | None) -> list[Watcher]:
    """Make the watcher of `open_watcher`, and one of the Redis at the address `redis` where hints travel through it."""
    watchers = [open_watcher(alias, channel, on_change)]
    if redis and connections[alias].vendor == "postgresql":
        from workstate.core.wakeup.redis import RedisWatcher  # as above

        watchers.append(RedisWatcher(redis, channel, on_change))
    return watchers


def hint(alias: str, channel: str, *, redis: str | None = None) -> None:
    """Wake the watchers of `channel` once the current transaction commits; at once when there is none.

    Costs the caller a few microseconds and never raises for a database that is away: a thread of
    this process sends the hints, those of 5 ms in one, and another to the Redis at the address `redis`.
    """
    if connections[alias].vendor == "postgresql":
        transaction.on_commit(partial(_notify, alias, channel, redis), using=alias)


def hint_at_once(alias: str, channel: str, *, redis: str | None = None) -> None:
    """Wake the watchers of `channel` for what a connection of one's own has committed; as cheap as `hint()`."""
    if connections[alias].vendor == "postgresql":
        _notify(alias, channel, redis)


def close_notifiers() -> None:
    """Send what is pending and close the connections that `hint()` opened in this process.

    A later `hint()` opens them again. Happens by itself at the end of the process; a test that
    drops its database needs it before.
    """
    for key in [key for key in _notifiers if key[0] == os.getpid()]:
        _notifiers.pop(key).stop()


def _notify(alias: str, channel: str, redis: str | None) -> None:
    _notifier_of(alias, _make_postgresql_carrier).request(channel)
    if redis:
        _notifier_of(redis, _make_redis_carrier).request(channel)


def _notifier_of(place: str, make_carrier: Callable[[str], Carrier]) -> Notifier:
    key = (os.getpid(), place)
    return _notifiers.get(key) or _notifiers.setdefault(key, Notifier(make_carrier(place)))


def _make_postgresql_carrier(alias: str) -> Carrier:
    from workstate.core.wakeup.postgresql import PostgreSQLCarrier  # as above

    return PostgreSQLCarrier(connections[alias].get_connection_params())


def _make_redis_carrier(url: str) -> Carrier:
    from workstate.core.wakeup.redis import RedisCarrier  # as above

    return RedisCarrier(url)


atexit.register(close_notifiers)
