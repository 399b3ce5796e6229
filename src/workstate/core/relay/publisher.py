"""Hands over to the outside broker what this process has enqueued, after its commit and in a thread of its own.

    carry ──▶ pending ──thread──▶ broker
                 └──broker away──▶ taken back into the table, for whoever comes first

The caller waits for nothing: not for a connection, not for an answer, not for an outage. When this process dies with
jobs pending they are committed and noted as handed over; a relay finds that they never arrived.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections import deque
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, ClassVar

from django.db import Error as DatabaseError

from workstate.core.health.breaker import Breaker
from workstate.core.jobs.connections import close_private_connections, ledger_alias, private_connection
from workstate.core.jobs.enqueue import CHANNEL
from workstate.core.jobs.ledger import ledger_on
from workstate.core.relay.adoption import outside_urls
from workstate.core.relay.courier import BrokerAwayError, Courier
from workstate.core.telemetry.catalogue import BrokerLost, BrokerReturned
from workstate.core.wakeup import hint_at_once
from workstate.core.wakeup.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from workstate.core.jobs.records import NewJob

logger = logging.getLogger(__name__)

BATCH = 500
MOST_PENDING = 10_000
"""Beyond it jobs are left to the relays."""
PAUSE_SECONDS = 0.005
"""After sending: the first job of a burst goes at once, those of the next 5 ms together, so that callers keep the GIL."""
PROBE_SECONDS = 1.0
IDLE_SECONDS = 60.0
STOP_PATIENCE_SECONDS = 1.0


class Publisher:
    """One daemon thread and one connection to the broker for each process."""

    _of_process: ClassVar[dict[tuple[int, int], Publisher]] = {}

    def __init__(self, app: Any) -> None:
        address = ", ".join(app.connection_for_write(url).as_uri() for url in outside_urls(app))
        self.breaker = Breaker(address, Outage(f"The broker {address}", BrokerLost, BrokerReturned))
        self._courier = Courier(app)
        self._pending: deque[NewJob] = deque()
        self._events: deque[Callable[..., None]] = deque(maxlen=MOST_PENDING)
        self._lock = threading.Lock()
        self._wanted = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    @classmethod
    def of_process(cls, app: Any) -> Publisher:
        """Return this process's publisher for an application; a forked child begins with its own."""
        key = (os.getpid(), id(app))
        return cls._of_process.get(key) or cls._of_process.setdefault(key, cls(app))

    @classmethod
    def stop_all(cls) -> None:
        """Hand over what is pending in this process and end the threads; gives up after a second."""
        for key in [key for key in cls._of_process if key[0] == os.getpid()]:
            cls._of_process.pop(key).stop()

    @property
    def is_ready(self) -> bool:
        """Tell whether jobs can be left to this publisher."""
        return not self.breaker.is_open and len(self._pending) < MOST_PENDING

    def carry(self, jobs: Sequence[NewJob]) -> None:
        """Hand over committed jobs soon; returns at once."""
        self._pending.extend(jobs)
        if self._thread is None:
            self._start()
        self._wanted.set()

    def tell(self, publish: Callable[..., None]) -> None:
        """Have `publish(producer=…)` called soon; not at all while the broker is away, because an event may be lost."""
        if not self.breaker.is_open:
            self._events.append(publish)
            if self._thread is None:
                self._start()
            self._wanted.set()

    def stop(self) -> None:
        """Hand over what is pending and end the thread; gives up after a second."""
        self._stopping.set()
        self._wanted.set()
        if self._thread is not None:
            self._thread.join(STOP_PATIENCE_SECONDS)

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="workstate-publisher", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._take_turn()
            except Exception:
                # Whatever it was, the jobs are noted as handed over and will be missed; the next ones shall go out.
                logger.exception("Jobs could not be handed over; a relay will find them.")
        self._send_pending()
        self._courier.close()
        close_private_connections()

    def _take_turn(self) -> None:
        if self.breaker.is_open:
            self._stopping.wait(PROBE_SECONDS)
            self._probe()
        elif self._wanted.wait(IDLE_SECONDS):
            self._wanted.clear()
            self._send_pending()
            self._stopping.wait(PAUSE_SECONDS)
        else:
            self._courier.close()

    def _probe(self) -> None:
        self._take_back_pending()  # enqueued before this process noticed
        asked_at = monotonic()
        with suppress(BrokerAwayError):
            self._courier.ping()
            self.breaker.reset(asked_at)

    def _send_pending(self) -> None:
        while jobs := self._next_batch():
            try:
                self._courier.send(jobs)
            except BrokerAwayError as error:
                self.breaker.trip(error)
                self._take_back(jobs)
                self._take_back_pending()
        self._publish_events()

    def _publish_events(self) -> None:
        while self._events and not self.breaker.is_open:
            try:
                self._courier.publish(self._events.popleft())
            except BrokerAwayError as error:
                self.breaker.trip(error)

    def _next_batch(self) -> list[NewJob]:
        jobs: list[NewJob] = []
        with suppress(IndexError):
            while len(jobs) < BATCH:
                jobs.append(self._pending.popleft())
        return jobs

    def _take_back_pending(self) -> None:
        while jobs := self._next_batch():
            self._take_back(jobs)

    def _take_back(self, jobs: Sequence[NewJob]) -> None:
        alias = ledger_alias()
        try:
            ledger_on(private_connection(alias)).take_back([job.task_id for job in jobs])
        except DatabaseError as error:
            # They stay noted as handed over: whoever works finds out that they never arrived.
            logger.warning("%s jobs could be handed neither to the broker nor back: %s", len(jobs), error)
            return
        hint_at_once(alias, CHANNEL)


atexit.register(Publisher.stop_all)
