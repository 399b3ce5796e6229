"""The ledger's way back: ended jobs wait again, and what their failure had settled is open again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from workstate.core.jobs.ledger.database import LedgerDatabase

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

REPLAYABLE = (
    "SELECT id, task_id, task, state, headers, properties, body, chord_id, batch_id, limit_key, unique_key,"
    " is_followed FROM workstate_job"
    " WHERE state IN ('discarded', 'cancelled') AND queue <> ''"
)
REPLAY = (
    "UPDATE workstate_job SET state = news.column2, available_at = news.column3, headers = news.column4,"
    " body = news.column5, lane = CASE WHEN limit_key IS NULL THEN 'database' ELSE 'limited' END,"
    " handed_over_at = NULL, lost_attempts = 0, process_id = NULL, claimed_at = NULL, started_at = NULL,"
    " acknowledged_at = NULL, ended_at = NULL, result = NULL, error_type = NULL, error_message = NULL,"
    " traceback = NULL, reason = NULL, fingerprint = NULL, dismissed_at = NULL, cancel_requested_at = NULL,"
    " custom_state = NULL, meta = NULL, successor = NULL, children = NULL"
    " FROM (VALUES {rows}) AS news WHERE workstate_job.id = news.column1"
)
WITHDRAW = (
    "DELETE FROM workstate_job WHERE task_id IN ({marks}) AND queue = '' AND state = 'discarded' AND attempt = 0"
    " RETURNING chord_id, body"
)


class ReplayableJob(NamedTuple):
    """An ended job, as its message stands in the ledger."""

    id: int
    task_id: str
    task: str
    state: str
    headers: str
    properties: str
    body: str
    chord_id: str | None
    batch_id: int | None
    limit_key: str | None
    unique_key: str | None
    """The one that it had; others may hold it by now."""
    is_followed: bool


class Replay(NamedTuple):
    """How an ended job is to wait again."""

    job_id: int
    state: str
    available_at: datetime
    headers: str
    body: str


class Replays(LedgerDatabase):
    """Moves discarded and cancelled jobs back to available or scheduled, in the row and under the id that they have."""

    def lock_replayable(self, job_ids: Sequence[int]) -> list[ReplayableJob]:
        """Return those of the jobs that can be replayed, locked; those that somebody else replays are left out."""
        marks = ", ".join(["%s"] * len(job_ids))
        rows = self.query(f"{REPLAYABLE} AND id IN ({marks}) ORDER BY id{self.row_lock}", job_ids)
        return [ReplayableJob(*row) for row in rows]

    def replay(self, replays: Sequence[Replay]) -> None:
        """Let locked jobs wait again, all in one statement; their attempts go on counting."""
        moment = "timestamptz" if self.connection.vendor == "postgresql" else "text"
        row = f"(CAST(%s AS bigint), %s, CAST(%s AS {moment}), %s, %s)"
        params: list[Any] = []
        for replay in replays:
            params += [replay.job_id, replay.state, self.moment(replay.available_at), replay.headers, replay.body]
        self.execute(REPLAY.format(rows=", ".join([row] * len(replays))), params)

    def withdraw_unrun(self, task_ids: Sequence[str]) -> list[tuple[str | None, str]]:
        """Remove rows that tell of a failure which is undone: they would keep the real jobs out.

        Returns their (chord id, body).
        """
        marks = ", ".join(["%s"] * len(task_ids))
        rows = self.query(WITHDRAW.format(marks=marks), task_ids)
        return [(chord_id, body) for chord_id, body in rows]

    def reopen_chord(self, chord_id: str, count: int, *, withdrawn: int) -> bool:
        """Take ended header jobs back into a chord; False when it, or jobs of its header, were pruned.

        `withdrawn` of the header jobs are not in the ledger for now, because they will be enqueued again.
        """
        return bool(
            self.execute(
                "UPDATE workstate_chord SET completed = completed - %s, fired_at = NULL"
                # One that was pruned and counted in again since knows only of those that ended again.
                " WHERE chord_id = %s AND completed >= %s"
                # Nothing of its header is pruned before it has fired; jobs that are missing then are still to come.
                " AND (fired_at IS NULL OR size <= %s + (SELECT count(*) FROM workstate_job WHERE chord_id = %s))",
                [count, chord_id, count, withdrawn, chord_id],
            )
        )
