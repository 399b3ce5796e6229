"""The ledger's lanes: which available jobs lie in the table, and which were handed to an outside broker.

    enqueue ──▶ database ──hand over──▶ broker ──claim──▶ executing
                    ▲                     │
                    └─────take back───────┘

A lane decides who is told of a job, never who may run it: a worker without the outside broker claims in both.
Whatever makes a job available again leaves it in the database lane, because each claim puts it there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workstate.core.jobs.ledger.database import LedgerDatabase
from workstate.core.jobs.ledger.statements import NONE_PAUSED, NOT_PAUSED
from workstate.core.jobs.records import NewJob, OldestHandedOver

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

DATABASE_LANE = "database"
BROKER_LANE = "broker"
LANE_ORDER = {DATABASE_LANE: "id", BROKER_LANE: "handed_over_at"}
"""What orders the jobs of one priority in each lane; an index of that lane ends with it."""
TAKE_BACK_BATCH = 1000


class Lanes(LedgerDatabase):
    """Hands available jobs to the outside broker, and takes them back."""

    def queues_to_hand_over(self, queues: Sequence[str]) -> list[str]:
        """Return those of `queues` with available jobs that lie in the table and may run; changes nothing."""
        return [row[0] for row in self._first_of_each(queues, DATABASE_LANE, "queue")]

    def has_handed_over(self) -> bool:
        """Tell whether available jobs lie with an outside broker."""
        return bool(self.query("SELECT 1 FROM workstate_job WHERE state = 'available' AND lane = 'broker' LIMIT 1"))

    def hand_over(self, queue: str, limit: int) -> list[NewJob]:
        """Note the first `limit` available jobs of `queue` as handed over; returns them, for the broker.

        Whoever dies between the commit and the broker leaves them for `take_back_before`.
        """
        rows = self.query(
            "WITH picked AS MATERIALIZED (SELECT id FROM workstate_job WHERE state = 'available'"
            f" AND lane = 'database' AND queue = %s AND {NOT_PAUSED} ORDER BY priority, id LIMIT %s{self.row_lock})"
            " UPDATE workstate_job SET lane = 'broker', handed_over_at = %s WHERE id IN (SELECT id FROM picked)"
            " RETURNING id, task_id, task, queue, headers, properties, body, priority",
            [queue, queue, limit, self.now()],
        )
        return [
            NewJob(
                task_id=task_id,
                task=task,
                queue=queue,
                headers=headers,
                properties=properties,
                body=body,
                priority=priority,
            )
            for _, task_id, task, queue, headers, properties, body, priority in sorted(
                rows, key=lambda row: (row[7], row[0])
            )
        ]

    def take_back(self, task_ids: Sequence[str]) -> int:
        """Put handed-over jobs that nobody has claimed back into the table; returns how many."""
        marks = ", ".join(["%s"] * len(task_ids))
        return self.execute(
            "UPDATE workstate_job SET lane = 'database', handed_over_at = NULL"
            f" WHERE task_id IN ({marks}) AND state = 'available' AND lane = 'broker'",
            task_ids,
        )

    def take_back_before(self, queue: str, priority: int, moment: datetime) -> int:
        """Put back jobs that were handed over before `moment`, the oldest first, a batch of them; returns how many."""
        return self.execute(
            "UPDATE workstate_job SET lane = 'database', handed_over_at = NULL WHERE id IN ("
            "SELECT id FROM workstate_job WHERE state = 'available' AND lane = 'broker'"
            " AND queue = %s AND priority = %s AND handed_over_at < %s"
            f" ORDER BY handed_over_at LIMIT {TAKE_BACK_BATCH}{self.row_lock})",
            [queue, priority, self.moment(moment)],
        )

    def oldest_handed_over(self, queues: Sequence[str]) -> list[OldestHandedOver]:
        """Return, for each queue and priority, when its oldest handed-over job that nobody claimed was handed over.

        Steps from priority to priority through the index, so it costs the same with a million of them.
        """
        found: list[OldestHandedOver] = []
        rows = self._first_of_each(queues, BROKER_LANE, "queue, priority, handed_over_at")
        while rows:
            found += [OldestHandedOver(queue, priority, self.aware(moment)) for queue, priority, moment in rows]
            rows = [
                following
                for queue, priority, _ in rows
                for following in self.query(
                    "SELECT queue, priority, handed_over_at FROM workstate_job WHERE state = 'available'"
                    " AND lane = 'broker' AND queue = %s AND priority > %s ORDER BY priority, handed_over_at LIMIT 1",
                    [queue, priority],
                )
            ]
        return found

    def _first_of_each(self, queues: Sequence[str], lane: str, columns: str) -> list[tuple[Any, ...]]:
        one = (
            f"SELECT * FROM (SELECT {columns} FROM workstate_job WHERE state = 'available' AND lane = '{lane}'"
            f" AND queue = %s AND {NONE_PAUSED} ORDER BY priority, {LANE_ORDER[lane]} LIMIT 1) AS first"
        )
        return self.query(" UNION ALL ".join([one] * len(queues)), queues) if queues else []
