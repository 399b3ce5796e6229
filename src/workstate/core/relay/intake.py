"""Claims in the ledger what the outside broker delivered, before Celery sees it.

    delivered ──▶ arrived ──claim as many, in one commit──▶ held ──▶ Celery's consumer
                     └──nothing left to claim: delivered twice, cancelled, done long ago──▶ dropped

A message is a ticket for its queue: whoever holds it claims the job whose turn it is in the ledger, by priority and
age. So priorities hold whatever the broker makes of them, and a doubled or late message starts nothing twice.
What somebody sent to the broker past the ledger becomes a job first, so nothing runs that the ledger does not know.
"""

from __future__ import annotations

import logging
from collections import deque
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from celery.worker import state as worker_state
from django.db import DataError, IntegrityError

from workstate.core.broker.holdings import Holdings
from workstate.core.broker.messages import JobMessage, new_job
from workstate.core.jobs.connections import ledger_alias, private_connection
from workstate.core.jobs.errors import UNREADABLE
from workstate.core.jobs.ledger import ledger_on
from workstate.core.relay.courier import MARK

if TYPE_CHECKING:
    from collections.abc import Callable

    from kombu.message import Message

    from workstate.core.jobs.records import ClaimedJob, NewJob

logger = logging.getLogger(__name__)

LONGEST_WAIT_SECONDS = 0.02
"""How long a delivered message may wait for others to share a commit with; a relay takes it for lost after seconds."""
REFUSALS = (DataError, IntegrityError, *UNREADABLE)
"""What a message raises that can't become a job."""


class DeliveredJob(JobMessage):
    """A claimed job that an outside broker delivered; what ends it frees the broker's message too."""

    def __init__(self, job: ClaimedJob, process_id: int, carrier: Message) -> None:
        super().__init__(job, process_id, carrier.channel)
        self._carrier = carrier

    @property
    def acknowledged(self) -> bool:
        """Tell whether the broker's message is out of the way."""
        return bool(self._carrier.acknowledged)

    def ack(self, multiple: bool = False) -> None:
        """Free the broker's message and, unless a request closes it with its outcome, complete the job."""
        self._carrier.ack()
        if self.closes_itself:
            self._holdings.complete(self)

    def reject(self, requeue: bool = False) -> None:
        """Free the broker's message and give the job back, or discard it."""
        self._carrier.ack()
        if self.closes_itself and requeue:
            self._holdings.release(self)
        elif self.closes_itself:
            self._holdings.discard(self, reason="rejected")

    def requeue(self) -> None:
        """Free the broker's message and give the job back."""
        self.reject(requeue=True)

    @property
    def _holdings(self) -> Holdings:
        return Holdings.of_process(ledger_alias())


class Arrival(NamedTuple):
    """A message as the broker delivered it, and who takes claimed jobs."""

    queue: str
    message: Message
    take: Callable[[Message], None]


class Intake:
    """What has arrived at this worker and is not claimed yet."""

    def __init__(self) -> None:
        self._arrivals: list[Arrival] = []
        self._oldest = 0.0
        self.is_on_loop = False
        """True while an event loop asks at its turns whether a claim is worth it; else each arrival is claimed at once."""

    @property
    def arrivals(self) -> tuple[Arrival, ...]:
        """What has arrived and is not claimed yet."""
        return tuple(self._arrivals)

    @property
    def is_waiting(self) -> bool:
        """Tell whether something has arrived that is not claimed yet."""
        return bool(self._arrivals)

    def add(self, message: Message, take: Callable[[Message], None]) -> None:
        """Have a job claimed soon for a message, and given to `take` then."""
        if not message.headers.get(MARK) and not self._adopt(message):
            take(message)  # Celery says what is wrong with it
            return
        if not self._arrivals:
            self._oldest = monotonic()
        self._arrivals.append(Arrival(message.delivery_info["routing_key"], message, take))
        if not self.is_on_loop:
            self.claim()

    def is_worth_a_claim(self, slots: int, many: int) -> bool:
        """Tell whether one of `slots` is free for what has arrived, there are `many`, or they have waited."""
        if not self._arrivals:
            return False
        has_waited = monotonic() - self._oldest >= LONGEST_WAIT_SECONDS
        return has_waited or len(self._arrivals) >= many or len(worker_state.reserved_requests) < slots

    def claim(self) -> None:
        """Claim a job for each message that has arrived and hand it on; messages that are too many are dropped.

        Raises django.db.DatabaseError; then the jobs are left to the relays, who find them unclaimed.
        """
        arrivals, self._arrivals = self._arrivals, []
        for queue in dict.fromkeys(arrival.queue for arrival in arrivals):
            self._claim([arrival for arrival in arrivals if arrival.queue == queue])

    @staticmethod
    def _claim(arrivals: list[Arrival]) -> None:
        tickets = deque(arrivals)

        def with_ticket(job: ClaimedJob, process_id: int) -> JobMessage:
            message = DeliveredJob(job, process_id, tickets[0].message)
            tickets.popleft()
            return message

        queue, count, take = arrivals[0].queue, len(arrivals), arrivals[0].take
        messages = Holdings.of_process(ledger_alias()).claim_handed_over(queue, count, with_ticket)
        for arrival in tickets:
            arrival.message.ack()
        for message in messages:
            take(message)

    def forget(self) -> None:
        """Forget what has arrived over a connection that is gone."""
        self._arrivals.clear()

    @staticmethod
    def _adopt(message: Message) -> bool:
        """Make a job of a message that somebody sent to the outside broker past the ledger."""
        try:
            ledger_on(private_connection(ledger_alias())).insert([_job_of(message)], hands_over=True)
        except REFUSALS as error:
            logger.warning("A message of queue %s can't become a job: %s", message.delivery_info, error)
            return False
        return True


def _job_of(message: Message) -> NewJob:
    body: Any = message.body
    if not isinstance(body, str):
        body = bytes(body)
        if message.content_encoding in {"utf-8", "utf8"}:
            body = body.decode()
    return new_job(
        message.delivery_info["routing_key"],
        {
            "headers": message.headers,
            "properties": {**message.properties, "delivery_tag": str(message.delivery_tag)},
            "body": body,
            "content-type": message.content_type,
            "content-encoding": message.content_encoding,
        },
    )
