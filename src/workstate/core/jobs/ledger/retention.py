"""The ledger's way to forget: each method is one statement over at most `limit` rows, oldest first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from workstate.core.jobs import clock
from workstate.core.jobs.ledger.database import LedgerDatabase
from workstate.core.jobs.ledger.limits import IS_WAITING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, timedelta

    from workstate.core.jobs.states import State

CHORD_IS_OVER = (
    "(chord_id IS NULL OR NOT EXISTS (SELECT 1 FROM workstate_chord AS chord"
    " WHERE chord.chord_id = job.chord_id AND chord.fired_at IS NULL))"
)
NOBODY_WAITS = (
    f"{CHORD_IS_OVER}"
    " AND (batch_id IS NULL OR NOT EXISTS (SELECT 1 FROM workstate_batch AS batch"
    " WHERE batch.id = job.batch_id AND batch.ended_at IS NULL))"
    " AND (unique_key IS NULL OR is_key_free OR unique_until IS NULL OR unique_until < %s)"
    " AND NOT EXISTS (SELECT 1 FROM workstate_notice AS notice WHERE notice.job_id = job.id)"
)
ENDED_BETWEEN = "SELECT id FROM workstate_job AS job WHERE state = %s AND ended_at >= %s AND ended_at < %s"
OPEN = "state IN ('scheduled', 'available', 'executing', 'retryable')"
LIMIT_IS_IDLE = (
    "wake_at IS NULL AND (next_start_at IS NULL OR next_start_at < %s)"
    # Each has a partial index of its own.
    f" AND NOT EXISTS (SELECT 1 FROM workstate_job AS job WHERE job.limit_key = rule.key AND {IS_WAITING})"
    " AND NOT EXISTS (SELECT 1 FROM workstate_job AS job WHERE job.limit_key = rule.key"
    " AND state IN ('available', 'executing') AND NOT (lane = 'limited'))"
    " AND NOT EXISTS (SELECT 1 FROM workstate_job AS job WHERE job.limit_key = rule.key"
    " AND state IN ('scheduled', 'retryable', 'discarded', 'cancelled'))"
)


class Portion(NamedTuple):
    """What one statement has dealt with: how many rows, and the latest end among them."""

    rows: int
    reached: datetime | None


class Retention(LedgerDatabase):
    """Removes rows whose time is over; rows that others have locked are left for the next time."""

    def prune_jobs(self, state: State, after: datetime, before: datetime, limit: int) -> Portion:
        """Delete jobs that ended in `state` between two moments and that nobody waits for, with what is remembered of them."""
        rows = self.query(
            f"DELETE FROM workstate_job WHERE id IN ({ENDED_BETWEEN} AND {NOBODY_WAITS}"
            f" ORDER BY ended_at LIMIT %s{self.row_lock}) RETURNING id, ended_at",
            [state.value, self.moment(after), self.moment(before), self.now(), limit],
        )
        if rows:
            marks = ", ".join(["%s"] * len(rows))
            for table in ("workstate_attempt", "workstate_intervention"):
                self.execute(f"DELETE FROM {table} WHERE job_id IN ({marks})", [job_id for job_id, _ in rows])
        return self._portion(ended_at for _, ended_at in rows)

    def count_prunable(self, state: State, before: datetime) -> int:
        """Return how many jobs `prune_jobs` would delete."""
        [[count]] = self.query(
            f"SELECT count(*) FROM workstate_job AS job WHERE state = %s AND ended_at < %s AND {NOBODY_WAITS}",
            [state.value, self.moment(before), self.now()],
        )
        return int(count)

    def find_oldest_prunable(self, state: State, before: datetime) -> datetime | None:
        """Return when the oldest job ended that `prune_jobs` would delete."""
        rows = self.query(
            "SELECT ended_at FROM workstate_job AS job WHERE state = %s AND ended_at < %s"
            f" AND {NOBODY_WAITS} ORDER BY ended_at LIMIT 1",
            [state.value, self.moment(before), self.now()],
        )
        return self.aware(rows[0][0]) if rows else None

    def forget_results(self, after: datetime, before: datetime, limit: int) -> Portion:
        """Drop what jobs returned that were completed between two moments; a chord's header keeps it for the body."""
        rows = self.query(
            "UPDATE workstate_job SET result = NULL, children = NULL, meta = NULL WHERE id IN ("
            f"{ENDED_BETWEEN} AND (result IS NOT NULL OR children IS NOT NULL) AND {CHORD_IS_OVER}"
            f" ORDER BY ended_at LIMIT %s{self.row_lock}) RETURNING ended_at",
            ["completed", self.moment(after), self.moment(before), limit],
        )
        return self._portion(ended_at for (ended_at,) in rows)

    def prune_batches(self, before: datetime | None, failed_before: datetime | None, limit: int) -> int:
        """Delete batches that ended before a moment: those with dead letters before another one."""
        condition, params = self._any_of(
            ("(ended_at < %s AND discarded = 0)", before), ("(ended_at < %s AND discarded > 0)", failed_before)
        )
        return self._delete("workstate_batch", "id", condition, params, limit)

    def prune_chords(self, before: datetime | None, unfired_before: datetime | None, limit: int) -> int:
        """Delete chords made before a moment: those that fired, and those of another one whose header is over."""
        is_stuck = (
            "(created_at < %s AND fired_at IS NULL AND NOT EXISTS (SELECT 1 FROM workstate_job"
            f" WHERE workstate_job.chord_id = workstate_chord.chord_id AND {OPEN}))"
        )
        condition, params = self._any_of(
            ("(created_at < %s AND fired_at IS NOT NULL)", before), (is_stuck, unfired_before)
        )
        return self._delete("workstate_chord", "chord_id", f"members IS NULL AND ({condition})", params, limit)

    def prune_groups(self, before: datetime, limit: int) -> int:
        """Delete the lists of results that GroupResult.save() stored before a moment."""
        condition = "members IS NOT NULL AND (size IS NULL OR fired_at IS NOT NULL) AND created_at < %s"
        return self._delete("workstate_chord", "chord_id", condition, [self.moment(before)], limit)

    def find_idle_limits(self, after: str, limit: int) -> list[str]:
        """Return the next keys behind `after` of limits without a job that waits, runs or can be replayed."""
        rows = self.query(
            f"SELECT key FROM workstate_limit AS rule WHERE key > %s AND {LIMIT_IS_IDLE} ORDER BY key LIMIT %s",
            [after, self.now(), limit],
        )
        return [key for (key,) in rows]

    def prune_limits(self, keys: Sequence[str]) -> int:
        """Delete those of the limits that are idle; within a transaction.

        Whoever enqueues a job of a limit holds its row, as `declare_limit` does: it is left. Whoever comes after this
        waits for the commit, and declares the limit anew.
        """
        marks = ", ".join(["%s"] * len(keys))
        held = [
            key
            for (key,) in self.query(
                f"SELECT key FROM workstate_limit WHERE key IN ({marks}) ORDER BY key{self.row_lock}", keys
            )
        ]
        if not held:
            return 0
        # Only a statement that begins behind the lock sees what others have committed before it.
        marks = ", ".join(["%s"] * len(held))
        return self.execute(
            f"DELETE FROM workstate_limit AS rule WHERE key IN ({marks}) AND {LIMIT_IS_IDLE}", [*held, self.now()]
        )

    def prune_processes(self, before: datetime, limit: int) -> int:
        """Delete processes that ended before a moment and hold nothing."""
        condition = (
            "ended_at < %s AND NOT EXISTS (SELECT 1 FROM workstate_job"
            " WHERE process_id = workstate_process.id AND state = 'executing')"
        )
        return self._delete("workstate_process", "id", condition, [self.moment(before)], limit)

    # --- turns -----------------------------------------------------------------------------------

    def take_turn(self, name: str, every: timedelta) -> bool:
        """Be the one who does `name` now; False when somebody has done so within `every`."""
        now = clock.now()
        self.execute(
            "INSERT INTO workstate_turn (name, next_at) VALUES (%s, %s) ON CONFLICT (name) DO NOTHING",
            [name, self.moment(now)],
        )
        return bool(
            self.execute(
                "UPDATE workstate_turn SET next_at = %s WHERE name = %s AND next_at <= %s",
                [self.moment(now + every), name, self.moment(now)],
            )
        )

    def keep_turn(self, name: str, every: timedelta) -> None:
        """Have the next turn begin `every` from now."""
        self.execute("UPDATE workstate_turn SET next_at = %s WHERE name = %s", [self.moment(clock.now() + every), name])

    def find_reached(self, name: str) -> datetime | None:
        """Return how far those who had the turn have come, as `note_reached` keeps it."""
        rows = self.query("SELECT reached_at FROM workstate_turn WHERE name = %s AND reached_at IS NOT NULL", [name])
        return self.aware(rows[0][0]) if rows else None

    def note_reached(self, name: str, moment: datetime) -> None:
        """Keep how far this turn has come."""
        self.execute("UPDATE workstate_turn SET reached_at = %s WHERE name = %s", [self.moment(moment), name])

    # --- parts -----------------------------------------------------------------------------------

    def _delete(self, table: str, key: str, condition: str, params: list[Any], limit: int) -> int:
        return self.execute(
            f"DELETE FROM {table} WHERE {key} IN (SELECT {key} FROM {table} WHERE {condition} LIMIT %s{self.row_lock})",
            [*params, limit],
        )

    def _any_of(self, *conditions: tuple[str, datetime | None]) -> tuple[str, list[Any]]:
        """Join the conditions whose moment is given; a moment that is None is never over."""
        given = [(condition, self.moment(moment)) for condition, moment in conditions if moment is not None]
        return " OR ".join(condition for condition, _ in given) or "1 = 0", [moment for _, moment in given]

    def _portion(self, ends: Any) -> Portion:
        moments = [self.aware(ended_at) for ended_at in ends]
        return Portion(len(moments), max(moments, default=None))
