"""What people did to jobs by hand: who, when and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workstate.core.jobs.ledger.database import LedgerDatabase
from workstate.core.jobs.records import storable_reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

INSERT_INTERVENTION = (
    "INSERT INTO workstate_intervention (job_id, kind, at, by, reason, former_body) VALUES (%s, %s, %s, %s, %s, %s)"
)
NO_BODIES: Mapping[int, str] = {}


class Interventions(LedgerDatabase):
    """Writes one row for each job and act, in the transaction of the act."""

    def record_interventions(
        self,
        job_ids: Sequence[int],
        kind: str,
        *,
        by: str,
        reason: str,
        former_bodies: Mapping[int, str] = NO_BODIES,
    ) -> None:
        """Remember what was done to these jobs; `former_bodies` holds what was edited, by job."""
        now = self.now()
        why = (storable_reason(by), storable_reason(reason))
        rows: list[tuple[Any, ...]] = [(job_id, kind, now, *why, former_bodies.get(job_id)) for job_id in job_ids]
        with self.connection.cursor() as cursor:
            cursor.executemany(INSERT_INTERVENTION, rows)
