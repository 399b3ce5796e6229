"""What this process knows of a cache's regime, and every operation's way through it."""

from __future__ import annotations

import math
import threading
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

from django.db import Error as DatabaseError
from redis.exceptions import RedisError

from workstate.core.cache.database_tier import DatabaseTier
from workstate.core.cache.errors import UnsettledError
from workstate.core.cache.front import FrontedTier
from workstate.core.cache.redis_tier import RedisTier
from workstate.core.cache.regimes import DATABASE, REDIS, Regime, RegimeRow

if TYPE_CHECKING:
    from collections.abc import Callable

    from workstate.core.cache.base import Tier
    from workstate.core.cache.link import Link
    from workstate.core.cache.options import CacheOptions

T = TypeVar("T")
LOOK_SECONDS = 1.0
"""How long a reader believes what it saw in the row. Writers look each time."""
MOST_TRIES = 5
STILL_SECONDS = 4.0
"""So long nobody may have failed to reach Redis before the cache goes back to it; probes come each 1.0 to 1.4 s."""


class Gate:
    """One cache in one process."""

    def __init__(self, options: CacheOptions, link: Link | None) -> None:
        self._options = options
        self._link = link
        self._client = link.client_for(options.url) if link else None
        self._row = RegimeRow(options.name, REDIS if link else DATABASE)
        self._lock = threading.Lock()
        self._seen: Regime | None = None
        self._seen_at = -math.inf
        self._tier: tuple[Regime, Tier] | None = None
        self._is_certain = True
        """False from a failed call on, until the epoch has moved for good."""
        self._owes_epoch = False
        """True from a write that the database refused on: what it was to replace is still there."""
        self._beats = -1
        self._beats_seen_at = -math.inf

    def perform(self, operate: Callable[[Tier], T], *, is_write: bool) -> T:
        """Let `operate` do its work on the tier that carries the cache, again when that turns out to have changed.

        Numbered, because each step rests on the one before:

        1. take the regime, at most a second old;
        2. work under it; a Redis that fails is left, and the work begins anew;
        3. look at the regime again: writers and strict readers in the row, others in what this process knows.

        Raises UnsettledError when it moved every time, and what the database raises. After a write that failed so, the
        epoch moves before anything else is done.
        """
        try:
            return self._perform(operate, is_write=is_write)
        except (DatabaseError, UnsettledError):
            self._owes_epoch = self._owes_epoch or is_write
            raise

    def regime(self) -> Regime:
        """Return the regime to work under; moves it when Redis is not there, or is not the one that it was."""
        regime = self._seen
        if regime is None or monotonic() - self._seen_at > LOOK_SECONDS:
            regime = self._look()
        if self._owes_epoch:
            regime = self._end_epoch(regime)
        if self._link is None:
            return self._leave_redis() if regime.is_redis else regime
        if not regime.is_redis:
            self._link.probe()
        elif self._link.breaker.is_open:
            self._link.probe()
            return self._leave_redis()
        elif self._link.server and self._link.server != regime.server:
            return self._welcome(self._link.server)
        return regime

    def forget_everything(self) -> None:
        """Move the epoch, and remove what was under the one before."""
        self._end_epoch(self.regime())
        self.perform(lambda tier: tier.sweep(), is_write=True)

    def come_back(self, server: str) -> bool:
        """Let Redis carry the cache again, under a new epoch; tell whether it does.

        While somebody else's probes fail the database goes on.
        """
        regime = self._look()
        if regime.is_redis and regime.server == server and self._is_certain:
            return True
        if not regime.is_redis and not self._is_still(regime):
            return False
        self._row.move(regime, regime.under(REDIS, server))
        self._is_certain = True
        regime = self._look()
        if not (regime.is_redis and regime.server == server):
            return False
        self._tier_of(regime).sweep()
        return True

    def stay_away(self) -> None:
        """Count on in the row, so that nobody goes back to a Redis that this process can't reach."""
        regime = self._look()
        if not regime.is_redis and not self._has_beaten(regime):
            self._row.beat(regime)

    def close_connection(self) -> None:
        """Close the calling thread's connection to the database."""
        self._row.close()

    def _perform(self, operate: Callable[[Tier], T], *, is_write: bool) -> T:
        for _ in range(MOST_TRIES):
            regime = self.regime()
            try:
                outcome = operate(self._tier_of(regime))
            except RedisError as error:
                self._lose_redis(error)
            else:
                if self._still_holds(regime, in_row=is_write or self._options.is_strict):
                    return outcome
        raise UnsettledError(f"Cache {self._options.name} changed hands at each of {MOST_TRIES} tries.")

    def _look(self) -> Regime:
        asked_at = monotonic()
        regime = self._row.read()
        with self._lock:
            if asked_at >= self._seen_at:
                self._seen, self._seen_at = regime, asked_at
        return regime

    def _still_holds(self, regime: Regime, *, in_row: bool) -> bool:
        now = self._look() if in_row else self._seen
        is_same = now is not None and (now.epoch, now.carrier) == (regime.epoch, regime.carrier)
        return is_same and not (regime.is_redis and self._link and self._link.server != regime.server)

    def _end_epoch(self, regime: Regime) -> Regime:
        """Move the epoch and return what holds now; what failed before is settled once that is sure to stand."""
        self._row.move(regime, regime.under(regime.carrier, regime.server))
        self._owes_epoch = self._owes_epoch and not self._row.is_certain
        return self._look()

    def _lose_redis(self, error: RedisError) -> None:
        assert self._link is not None
        self._is_certain = False
        self._link.lose(error)

    def _leave_redis(self) -> Regime:
        """Move the row to the database, and return what holds now."""
        for _ in range(MOST_TRIES):
            regime = self._look()
            if not regime.is_redis:
                self._is_certain = self._is_certain or self._row.is_certain
                return regime
            self._row.move(regime, regime.under(DATABASE, regime.server))
        raise UnsettledError(f"Cache {self._options.name} was given back to Redis at each of {MOST_TRIES} tries.")

    def _welcome(self, server: str) -> Regime:
        """Move the epoch, because Redis is another one or was restarted, unless somebody has."""
        regime = self._look()
        if regime.is_redis and regime.server != server:
            self._row.move(regime, regime.under(REDIS, server))
            regime = self._look()
        return regime

    def _tier_of(self, regime: Regime) -> Tier:
        kept = self._tier
        if kept is None or (kept[0].epoch, kept[0].carrier) != (regime.epoch, regime.carrier):
            kept = self._tier = (regime, self._make_tier(regime))
        return kept[1]

    def _make_tier(self, regime: Regime) -> Tier:
        if regime.is_redis:
            assert self._client is not None
            return RedisTier(self._client, self._options.name, regime.epoch)
        tier = DatabaseTier(self._options.name, regime.epoch)
        return FrontedTier(tier, self._options.front_seconds) if self._options.front_seconds else tier

    def _is_still(self, regime: Regime) -> bool:
        """Tell whether the count has stood still for a while, by this process's own clock."""
        self._has_beaten(regime)
        return monotonic() - self._beats_seen_at > STILL_SECONDS

    def _has_beaten(self, regime: Regime) -> bool:
        """Tell whether somebody has counted on since this was last asked."""
        if regime.beats == self._beats:
            return False
        self._beats, self._beats_seen_at = regime.beats, monotonic()
        return True
