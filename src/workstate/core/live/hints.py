"""How the hub hears that there is something to read: by the database's own way, and by Redis where there is one.

Redis is a second messenger and never the only one: that it is away, or back, changes how soon an event
arrives where PostgreSQL's own notifications don't (behind a pooler in transaction mode), and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workstate.core import wakeup
from workstate.core.configuration import configuration

if TYPE_CHECKING:
    from collections.abc import Callable

CHANNEL = "workstate_live"


def hint(alias: str) -> None:
    """Wake every hub once the current transaction commits."""
    wakeup.hint(alias, CHANNEL, redis=configuration().live_redis_url)


def hint_at_once(alias: str) -> None:
    """Wake every hub for what was committed."""
    wakeup.hint_at_once(alias, CHANNEL, redis=configuration().live_redis_url)


def open_watchers(alias: str, on_change: Callable[[], None]) -> list[wakeup.Watcher]:
    """Make the watchers, not yet started, that call after an event was committed."""
    return wakeup.open_watchers(alias, CHANNEL, on_change, redis=configuration().live_redis_url)
