"""Live events of the ledger, written on its own connection: they exist if and only if the move that they tell of does."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import router

from workstate.core.jobs.ledger.database import LedgerDatabase
from workstate.core.jobs.records import storable_reason
from workstate.core.live.hints import hint_at_once
from workstate.core.live.models import Event
from workstate.core.live.publishing import ADVANCE, make_epoch

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

OPERATIONS = "operations"
"""The stream of those who operate."""


def who_and_why(by: str, reason: str) -> dict[str, str]:
    """Return what an event says of who did something by hand, as every database can store it."""
    return {"by": storable_reason(by), "reason": storable_reason(reason)}


class Announcements(LedgerDatabase):
    """Writes events in the transaction of a move."""

    def announce_ends(self, job_ids: Iterable[int]) -> None:
        """Tell those who follow these jobs that they have ended: `job.completed`, `job.discarded`, `job.cancelled`."""
        ids = list(job_ids)
        if not ids:
            return
        marks = ", ".join(["%s"] * len(ids))
        rows = self.query(
            "SELECT task_id, state, error_type, reason FROM workstate_job"
            f" WHERE id IN ({marks}) AND is_followed ORDER BY task_id",
            ids,
        )
        for task_id, state, error_type, reason in rows:
            self.announce(f"job:{task_id}", f"job.{state}", {"error_type": error_type, "reason": reason})

    def announce_act(self, type: str, count: int, *, by: str, reason: str) -> None:  # noqa: A002  the event's own word
        """Tell those who operate what somebody did to so many jobs, behind all other locks of the transaction."""
        if count:
            self.announce(OPERATIONS, type, {"count": count} | who_and_why(by, reason))

    def announce(self, stream: str, type: str, data: Mapping[str, Any]) -> None:  # noqa: A002  the event's own word
        """Write an event to `stream`, as `live.publish` does; nothing when events live in another database."""
        alias = self.connection.alias
        if router.db_for_write(Event) != alias:
            return
        [[epoch, offset]] = self.query(ADVANCE, [stream, make_epoch()])
        self.execute(
            'INSERT INTO workstate_event (stream, epoch, "offset", type, data, created_at)'
            " VALUES (%s, %s, %s, %s, %s, %s)",
            [stream, epoch, offset, type, json.dumps(data), self.now()],
        )
        self.on_commit(partial(hint_at_once, alias))
