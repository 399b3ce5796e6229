"""The agent in every worker that stands between the table and the outside broker."""

from __future__ import annotations

import logging
import threading
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any

from django.db import Error as DatabaseError
from django.db import connections

from workstate.core.broker.holdings import Holdings
from workstate.core.jobs import clock
from workstate.core.jobs.connections import close_private_connections, ledger_alias, private_connection
from workstate.core.jobs.enqueue import CHANNEL
from workstate.core.jobs.ledger import Ledger, ledger_on
from workstate.core.relay.courier import BrokerAwayError, Courier
from workstate.core.relay.presence import Presence
from workstate.core.relay.publisher import Publisher
from workstate.core.wakeup import Watcher, open_watcher
from workstate.core.wakeup.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from workstate.core.jobs.records import OldestHandedOver

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 0.02
"""Between two rounds: many commits, one look."""
SAFETY_SECONDS = 1.0
"""How long a lost hint can stay unnoticed; also how often the broker is probed, and the lost are looked for."""
BATCH = 500
LOST_AFTER = timedelta(seconds=2)
"""How long a delivered message may be on its way to its claim."""
STOP_PATIENCE_SECONDS = 3.0


class Relay:
    """Hands over what lies in the table, takes back what the broker lost, and watches whether it is there.

    A round, soon after each commit and at least once a second, while the broker answers:

    1. Make scheduled and retryable jobs available that are due.
    2. Hand over the available jobs of this worker's queues, 500 in a commit: noted first, sent then. What could not
       be sent is taken back.
    3. Once a second: take back what was handed over more than two seconds ago and is unclaimed though its queue is
       empty at the broker. It is handed over again in the next round. While a queue is not empty its messages are
       tickets for whichever of its jobs come first, so what is missing delays the last ones only.

    Any number may run at once; each row is handed over by one of them.
    """

    def __init__(self, app: Any, queues: Callable[[], Sequence[str]]) -> None:
        self._alias = ledger_alias()
        self._queues = queues
        self._courier = Courier(app)
        self._breaker = Publisher.of_process(app).breaker
        self._news = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="workstate-relay", daemon=True)
        self._watcher: Watcher = open_watcher(self._alias, CHANNEL, self._news.set)
        self._presence = Presence(self._alias, self._breaker.address)
        self._outage = Outage("The ledger's database, for the relay,")
        self._looks_again_at = 0.0
        self._next_due_at: datetime | None = None

    def start(self) -> None:
        """Begin."""
        self._watcher.start()
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it, 3 s at most."""
        self._stopping.set()
        self._news.set()
        self._watcher.stop()
        self._thread.join(STOP_PATIENCE_SECONDS)

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                self._attempt()
                self._stopping.wait(PAUSE_SECONDS)
                self._news.wait(self._seconds_to_next_round())
                self._news.clear()
        finally:
            self._courier.close()
            close_private_connections()
            connections.close_all()

    def _seconds_to_next_round(self) -> float:
        if self._next_due_at is None:
            return SAFETY_SECONDS
        return min(SAFETY_SECONDS, max(0.0, (self._next_due_at - clock.now()).total_seconds()))

    def _attempt(self) -> None:
        try:
            self._round()
            self._presence.tell(Holdings.of_process(self._alias).process_id, self._breaker.away_since)
        except DatabaseError as error:
            close_private_connections()
            self._next_due_at = None
            self._outage.begin(error)
        except Exception:
            # A relay that ends leaves its worker's jobs to other relays; it tries again instead.
            logger.exception("A round of the relay failed; the next one follows in %s s.", SAFETY_SECONDS)
        else:
            self._outage.end()

    def _round(self) -> None:
        looks_again = monotonic() >= self._looks_again_at
        try:
            if looks_again:
                self._looks_again_at = monotonic() + SAFETY_SECONDS
                asked_at = monotonic()
                self._courier.ping()
                self._breaker.reset(asked_at)
            if not self._breaker.is_open:
                self._carry(looks_for_lost=looks_again)
        except BrokerAwayError as error:
            self._breaker.trip(error)

    def _carry(self, *, looks_for_lost: bool) -> None:
        ledger = ledger_on(private_connection(self._alias))
        self._promote_due(ledger)
        queues = self._queues()
        self._hand_over(ledger, queues)
        if looks_for_lost:
            for oldest in ledger.oldest_handed_over(queues):
                self._take_back_lost(ledger, oldest)

    def _promote_due(self, ledger: Ledger) -> None:
        self._next_due_at = ledger.next_due_at()
        if self._next_due_at is not None and self._next_due_at <= clock.now():
            ledger.promote_due()
            self._next_due_at = ledger.next_due_at()

    def _hand_over(self, ledger: Ledger, queues: Sequence[str]) -> None:
        for queue in ledger.queues_to_hand_over(queues):
            while (jobs := ledger.hand_over(queue, BATCH)) and not self._stopping.is_set():
                try:
                    self._courier.send(jobs)
                except BrokerAwayError:
                    ledger.take_back([job.task_id for job in jobs])
                    raise

    def _take_back_lost(self, ledger: Ledger, oldest: OldestHandedOver) -> None:
        limit = clock.now() - LOST_AFTER
        if oldest.handed_over_at >= limit or not self._courier.is_empty(oldest.queue):
            return
        lost = 0
        while count := ledger.take_back_before(oldest.queue, oldest.priority, limit):
            lost += count
        if lost:
            logger.warning("The broker lost %s messages of queue %s; they are handed over again.", lost, oldest.queue)
            self._news.set()
