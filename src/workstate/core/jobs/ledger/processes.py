"""The ledger's processes: their leases, and the jobs of those that lost theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workstate.core.jobs.ledger.attempts import AttemptRecords
from workstate.core.jobs.ledger.statements import TOKEN_HOLDS
from workstate.core.jobs.records import Failure, HeldJob, LiveProcess, NewProcess, Token

if TYPE_CHECKING:
    from datetime import datetime, timedelta


WORKER_LOST = "worker lost"


class ProcessLeases(AttemptRecords):
    """Who is alive, and who held what."""

    def register(self, process: NewProcess) -> int:
        """Give a process its lease and return the id that its claims will name."""
        expiry, expires = self.after(process.lease)
        rows = self.query(
            "INSERT INTO workstate_process (kind, name, machine, pid, pid_started, queues, concurrency,"
            " started_at, lease_expires_at, ended_reason) VALUES (%s, %s, %s, %s, %s, %s, %s, %s,"
            f" {expiry}, '') RETURNING id",
            [
                process.kind,
                process.name,
                process.machine,
                process.pid,
                process.pid_started,
                ",".join(process.queues),
                process.concurrency,
                self.now(),
                expires,
            ],
        )
        return int(rows[0][0])

    def renew(self, process_id: int, process: NewProcess) -> bool:
        """Keep a process's lease alive; False when it was declared lost and its jobs were rescued."""
        expiry, expires = self.after(process.lease)
        return bool(
            self.execute(
                f"UPDATE workstate_process SET lease_expires_at = {expiry}, queues = %s, concurrency = %s"
                " WHERE id = %s AND ended_at IS NULL",
                [expires, ",".join(process.queues), process.concurrency, process_id],
            )
        )

    def end_process(self, process_id: int, reason: str) -> bool:
        """Take a process's lease away; False when that had happened before."""
        return bool(
            self.execute(
                "UPDATE workstate_process SET ended_at = %s, ended_reason = %s WHERE id = %s AND ended_at IS NULL",
                [self.now(), reason, process_id],
            )
        )

    def note_broker(self, process_id: int, away_since: datetime | None) -> bool:
        """Note since when a process can't reach the outside broker, or that it can; True when no other one can't."""
        self.execute(
            "UPDATE workstate_process SET broker_away_since = %s WHERE id = %s",
            [None if away_since is None else self.moment(away_since), process_id],
        )
        return not self.query(
            "SELECT 1 FROM workstate_process WHERE ended_at IS NULL AND broker_away_since IS NOT NULL AND id <> %s LIMIT 1",
            [process_id],
        )

    def expired_processes(self, *, overdue: timedelta) -> list[LiveProcess]:
        """Return the processes whose lease ran out more than `overdue` ago."""
        expiry, judged_at = self.after(-overdue)
        rows = self.query(
            "SELECT id, machine, pid, pid_started FROM workstate_process"
            f" WHERE ended_at IS NULL AND lease_expires_at < {expiry}",
            [judged_at],
        )
        return [LiveProcess(*row) for row in rows]

    def processes_on(self, machine: str) -> list[LiveProcess]:
        """Return the processes on `machine` that have not ended."""
        rows = self.query(
            "SELECT id, machine, pid, pid_started FROM workstate_process WHERE ended_at IS NULL AND machine = %s",
            [machine],
        )
        return [LiveProcess(*row) for row in rows]

    def ended_holders(self) -> list[int]:
        """Return the processes that have ended and yet hold jobs: they claimed as their lease was taken away."""
        rows = self.query(
            "SELECT DISTINCT process_id FROM workstate_job WHERE state = 'executing' AND process_id IN"
            " (SELECT id FROM workstate_process WHERE ended_at IS NOT NULL)"
        )
        return [row[0] for row in rows]

    def held_by(self, process_id: int) -> list[HeldJob]:
        """Return the executing jobs of a process, locked where the database locks rows."""
        rows = self.query(
            "SELECT id, task, attempt, lost_attempts, coalesce(started_at >= claimed_at, false),"
            " acknowledged_at IS NOT NULL, chord_id, cancel_requested_at IS NOT NULL"
            " FROM workstate_job"
            f" WHERE process_id = %s AND state = 'executing' ORDER BY id{self.row_lock}",
            [process_id],
        )
        return [HeldJob(*row) for row in rows]

    def was_acknowledged(self, job_id: int) -> bool:
        """Tell whether a job that may start only once has noted its beginning."""
        rows = self.query("SELECT acknowledged_at FROM workstate_job WHERE id = %s", [job_id])
        return bool(rows and rows[0][0])

    def return_lost(self, token: Token, *, counts: bool) -> bool:
        """Make a lost worker's job available again, its attempt counted as lost and remembered when `counts`.

        False when its token no longer holds, or when it is to be cancelled.
        """
        if counts:
            self.record_returned([token], WORKER_LOST, Failure.lost("Its worker died while it ran."))
        return bool(
            self.execute(
                "UPDATE workstate_job SET state = 'available', process_id = NULL, custom_state = NULL, meta = NULL,"
                " lost_attempts = lost_attempts + %s"
                f" WHERE {TOKEN_HOLDS} AND cancel_requested_at IS NULL",
                [int(counts), token.job_id, token.attempt, token.process_id],
            )
        )
