"""The ledger's limits: who waits for a place, and who gets one."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from workstate.core.jobs import clock
from workstate.core.jobs.ledger.database import LedgerDatabase
from workstate.core.jobs.ledger.statements import NONE_PAUSED

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from workstate.core.jobs.records import LimitRule

ADMITTED_AT_ONCE = 1000
KEYS_AT_ONCE = 200
TOLERANCE = timedelta(seconds=0.1)
"""How far a rate may run ahead to make up for whoever looks late; also how many wait to be claimed at most."""
LOOK_AGAIN = timedelta(seconds=1)
"""How soon at the latest a rate is looked at again whose admitted jobs nobody has claimed."""

IS_ADMITTED = "limit_key = %s AND state IN ('available', 'executing') AND NOT (lane = 'limited')"
IS_WAITING = "state = 'available' AND lane = 'limited'"
# Only what a limit needs is counted: with a rate alone, what runs may be any number.
READ = (
    "SELECT concurrency, rate_count, rate_seconds, next_start_at, wake_at,"
    f" CASE WHEN concurrency IS NULL THEN 0 ELSE (SELECT count(*) FROM workstate_job WHERE {IS_ADMITTED}) END,"
    " CASE WHEN rate_count IS NULL THEN 0 ELSE"
    f" (SELECT count(*) FROM workstate_job WHERE {IS_ADMITTED} AND state = 'available') END"
    " FROM workstate_limit WHERE key = %s"
)
# Steps from key to key through the index, so a key with many waiting costs as much as one with few.
NEXT_KEY = (
    f"SELECT limit_key FROM workstate_job WHERE {IS_WAITING} AND limit_key > {{after}} ORDER BY limit_key LIMIT 1"
)
WAITING_KEYS = (
    f"WITH RECURSIVE waiting (key, number) AS (SELECT ({NEXT_KEY.format(after='%s')}), 1"
    f" UNION ALL SELECT ({NEXT_KEY.format(after='waiting.key')}), number + 1 FROM waiting"
    f" WHERE waiting.key IS NOT NULL AND number < {KEYS_AT_ONCE})"
    " SELECT key FROM waiting WHERE key IS NOT NULL"
)


class LimitState(NamedTuple):
    """A limit as it stands at one moment."""

    concurrency: int | None
    rate_count: int | None
    rate_seconds: float | None
    next_start_at: datetime | None
    wake_at: datetime | None
    admitted: int
    unclaimed: int

    def places(self) -> int:
        """Return how many more may be admitted, as far as the concurrency goes."""
        return ADMITTED_AT_ONCE if self.concurrency is None else max(0, self.concurrency - self.admitted)

    def starts(self, now: datetime) -> int:
        """Return how many more may be admitted, as far as the rate goes.

        The generic cell rate algorithm (ITU-T I.371): a start is due each interval, and one that comes up to
        `TOLERANCE` late makes up for it. Those admitted and not yet claimed are start enough for the moment.
        """
        interval = self.interval
        if interval is None:
            return ADMITTED_AT_ONCE
        earliest = self.earliest_start(now)
        due = 0 if earliest > now else (now - earliest) // interval + 1
        return max(0, min(due, TOLERANCE // interval + 1 - self.unclaimed))

    def earliest_start(self, now: datetime) -> datetime:
        """Return when the next start is, or was, due."""
        return max(self.next_start_at or now, now - TOLERANCE)

    @property
    def interval(self) -> timedelta | None:
        """The time between two starts, or None without a rate."""
        if self.rate_count is None or self.rate_seconds is None:
            return None
        return max(timedelta.resolution, timedelta(seconds=self.rate_seconds / self.rate_count))


class Limits(LedgerDatabase):
    """Admits waiting jobs, one admitter at a time for each key."""

    limit_lock: ClassVar[str] = ""
    """A statement that keeps others from admitting jobs of a key until the transaction ends; SQLite has one writer."""

    def declare_limit(self, rule: LimitRule) -> None:
        """Make a limit known that is new; belongs to the transaction of the job that needs it."""
        # The lock keeps a limit from being pruned whose next job is not committed yet.
        if not self.query(f"SELECT 1 FROM workstate_limit WHERE key = %s{self.joining_lock}", [rule.key]):
            self.execute(
                "INSERT INTO workstate_limit (key, concurrency, rate_count, rate_seconds) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (key) DO NOTHING",
                [rule.key, rule.concurrency, rule.rate_count, rule.rate_seconds],
            )

    def change_limit(self, rule: LimitRule) -> None:
        """Let a limit be as it was declared last; writes only what differs."""
        declared = (rule.concurrency, rule.rate_count, rule.rate_seconds)
        known = self.query(
            "SELECT concurrency, rate_count, rate_seconds FROM workstate_limit WHERE key = %s", [rule.key]
        )
        if known != [declared]:
            self.execute(
                "UPDATE workstate_limit SET concurrency = %s, rate_count = %s, rate_seconds = %s WHERE key = %s",
                [*declared, rule.key],
            )

    def admit(self, keys: Collection[str]) -> int:
        """Admit what there is room for, the first in line first; returns how many jobs.

        Within a transaction, and as its last lock: it keeps the keys until the commit.
        """
        return sum(self._admit(key) for key in sorted(keys))

    def admit_due(self) -> int:
        """Admit jobs of the limits whose rate has them due; returns how many. A transaction of its own."""
        rows = self.query(
            f"SELECT key FROM workstate_limit WHERE wake_at <= %s ORDER BY wake_at LIMIT {KEYS_AT_ONCE}", [self.now()]
        )
        return self._admit_apart([key for (key,) in rows])

    def admit_overlooked(self, after: str) -> tuple[int, str]:
        """Look at the next keys behind `after` with jobs that wait, and admit what there is room for.

        Returns how many jobs, and where to go on; an empty text when all keys were seen.
        """
        keys = [key for (key,) in self.query(WAITING_KEYS, [after])]
        return self._admit_apart(keys), keys[-1] if len(keys) == KEYS_AT_ONCE else ""

    def withdraw_admitted(self, queue: str) -> int:
        """Put the admitted jobs of a queue that nobody has claimed back into line; returns how many."""
        return self.execute(
            "UPDATE workstate_job SET lane = 'limited', handed_over_at = NULL WHERE state = 'available'"
            " AND limit_key IS NOT NULL AND NOT (lane = 'limited') AND queue = %s",
            [queue],
        )

    def _admit_apart(self, keys: Collection[str]) -> int:
        admitted = 0
        for key in keys:  # one at a time: nobody waits for a key while this waits for another
            with self.transaction():
                admitted += self.admit([key])
        return admitted

    def _admit(self, key: str) -> int:
        if self.limit_lock:
            self.query(self.limit_lock, [key])
        # What others committed while this waited is seen by the statements that follow, not by the one that waited.
        state = self._read(key)
        if state is None:  # somebody removed the limit: nothing holds its jobs any more
            return self._move(key, ADMITTED_AT_ONCE)
        now = clock.now()
        room = min(state.places(), state.starts(now))
        admitted = self._move(key, room) if room else 0
        self._note_starts(key, state, now, admitted, others_may_wait=admitted == room)
        return admitted

    def _read(self, key: str) -> LimitState | None:
        rows = self.query(READ, [key, key, key])
        if not rows:
            return None
        concurrency, count, seconds, next_start_at, wake_at, *counts = rows[0]
        return LimitState(
            concurrency,
            count,
            seconds,
            next_start_at and self.aware(next_start_at),
            wake_at and self.aware(wake_at),
            *counts,
        )

    def _move(self, key: str, room: int) -> int:
        return self.execute(
            "UPDATE workstate_job SET lane = 'database' WHERE id IN (SELECT id FROM workstate_job"
            f" WHERE {IS_WAITING} AND limit_key = %s AND {NONE_PAUSED} ORDER BY priority, id LIMIT %s{self.row_lock})",
            [key, room],
        )

    def _note_starts(self, key: str, state: LimitState, now: datetime, admitted: int, *, others_may_wait: bool) -> None:
        if state.interval is None:
            return
        next_start_at = state.next_start_at
        if admitted:
            next_start_at = state.earliest_start(now) + admitted * state.interval
        wake_at = None
        if others_may_wait and state.places() > admitted:
            # Those that were admitted and are not claimed hold the others up: their ends admit, too.
            is_held_up = state.unclaimed and not admitted
            wake_at = max(
                next_start_at or now, now + min(LOOK_AGAIN, max(TOLERANCE, state.interval)) if is_held_up else now
            )
        if (next_start_at, wake_at) != (state.next_start_at, state.wake_at):
            self.execute(
                "UPDATE workstate_limit SET next_start_at = %s, wake_at = %s WHERE key = %s",
                [next_start_at and self.moment(next_start_at), wake_at and self.moment(wake_at), key],
            )
