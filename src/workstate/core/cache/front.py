"""A second's memory before the table: what this process has just read it need not ask for again.

Another process may have changed it within that second; this one has not. Within a transaction nobody is asked but the
database: what was read there may never be committed.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from time import monotonic
from typing import TYPE_CHECKING

from django.db import connections, router

from workstate.core.cache.base import Tier
from workstate.core.cache.models import CacheEntry
from workstate.core.cache.promises import is_promise

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from workstate.core.cache.database_tier import DatabaseTier

MOST_ENTRIES = 1000
LARGEST_BYTES = 100_000


class Front:
    """The entries that were read last, at most a thousand, none of them large."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._entries: OrderedDict[str, tuple[bytes, float | None, float]] = OrderedDict()
        self._lock = threading.Lock()
        self.changes = 0
        """Counts what was forgotten on purpose: what was read before may be older."""

    def find(self, keys: Iterable[str]) -> dict[str, bytes]:
        """Return the payloads that were read within the last second and have not expired."""
        youngest, now = monotonic() - self._seconds, time.time()
        entries = ((key, self._entries.get(key)) for key in keys)
        return {
            key: entry[0]
            for key, entry in entries
            if entry is not None and entry[2] > youngest and (entry[1] is None or entry[1] > now)
        }

    def keep(self, entries: Mapping[str, tuple[bytes, float | None]], read_at: float, changes: int) -> None:
        """Remember payloads and when they expire, unless something has been changed since they were read."""
        with self._lock:
            if changes != self.changes:
                return
            for key, (payload, expires_at) in entries.items():
                if len(payload) <= LARGEST_BYTES and not is_promise(payload):
                    self._entries[key] = (payload, expires_at, read_at)
                    self._entries.move_to_end(key)
            while len(self._entries) > MOST_ENTRIES:
                self._entries.popitem(last=False)

    def forget(self, keys: Iterable[str]) -> None:
        """Forget these keys."""
        with self._lock:
            self.changes += 1
            for key in keys:
                self._entries.pop(key, None)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self.changes += 1
            self._entries.clear()


class FrontedTier(Tier):
    """The table, asked only for what its front does not know."""

    def __init__(self, tier: DatabaseTier, seconds: float) -> None:
        self._tier = tier
        self._front = Front(seconds)
        self._alias = router.db_for_write(CacheEntry)

    def read(self, keys: Collection[str]) -> dict[str, bytes]:
        """Ask the front, then the tier. Promises are never kept: they are about to be fulfilled."""
        if connections[self._alias].in_atomic_block:
            return self._tier.read(keys)
        changes, read_at = self._front.changes, monotonic()
        known = self._front.find(keys)
        if len(known) < len(keys):
            found = self._tier.read_entries([key for key in keys if key not in known])
            self._front.keep(found, read_at, changes)
            known |= {key: payload for key, (payload, _) in found.items()}
        return known

    def write(self, payloads: Mapping[str, bytes], lifetime: float | None) -> None:
        """Write past the front."""
        self._tier.write(payloads, lifetime)
        self._front.forget(payloads)

    def add(self, key: str, payload: bytes, lifetime: float | None, *, over_promise: bool = True) -> bool:
        """Add past the front."""
        is_added = self._tier.add(key, payload, lifetime, over_promise=over_promise)
        self._front.forget([key])
        return is_added

    def replace(self, key: str, mark: bytes, payload: bytes, lifetime: float | None) -> bool:
        """Replace past the front."""
        is_replaced = self._tier.replace(key, mark, payload, lifetime)
        self._front.forget([key])
        return is_replaced

    def touch(self, key: str, lifetime: float | None) -> bool:
        """Touch past the front."""
        was_there = self._tier.touch(key, lifetime)
        self._front.forget([key])
        return was_there

    def delete(self, keys: Collection[str]) -> int:
        """Delete past the front."""
        count = self._tier.delete(keys)
        self._front.forget(keys)
        return count

    def increment(self, key: str, delta: int) -> int | None:
        """Count past the front."""
        total = self._tier.increment(key, delta)
        self._front.forget([key])
        return total

    def delete_pattern(self, pattern: str) -> int:
        """Delete past the front."""
        count = self._tier.delete_pattern(pattern)
        self._front.clear()
        return count

    def sweep(self) -> None:
        """Sweep the tier; the front knows nothing of other epochs."""
        self._tier.sweep()
