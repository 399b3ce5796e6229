"""Ties the outside broker into a worker: which broker it consumes from, and the claims at each turn of its loop."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

from celery import bootsteps
from celery.worker import state as worker_state
from django.db import Error as DatabaseError

from workstate.core.broker.bell import TURN, Bell
from workstate.core.broker.flushing import Flusher
from workstate.core.broker.holdings import Holdings
from workstate.core.broker.registration import ALIAS, LEDGER_URL
from workstate.core.jobs.connections import ledger_alias
from workstate.core.jobs.interruptions import uninterruptedly
from workstate.core.relay import silence
from workstate.core.relay.adoption import outside_urls
from workstate.core.relay.intake import LONGEST_WAIT_SECONDS, Intake
from workstate.core.relay.publisher import Publisher
from workstate.core.relay.relay import SAFETY_SECONDS, Relay
from workstate.core.relay.tickets import TicketPuncher

if TYPE_CHECKING:
    from collections.abc import Callable

    from kombu.message import Message

logger = logging.getLogger(__name__)

REFRESH_SECONDS = 30.0
"""How often this process's claims are compared with the ledger."""


class BrokerSwitch(ConnectionError):  # noqa: N818  it is how Celery is told to connect anew, not a fault
    """The worker is to connect anew: its broker went away, or is back."""


class OutsideBrokerStep(bootsteps.StartStopStep):
    """Part of Celery's consumer; started anew with each connection, while the relay goes on."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._app = consumer.app
        self._intake = Intake()
        self._create_task_handler = consumer.create_task_handler
        self._relay: Relay | None = None
        self._turns: Turns | None = None
        self._bell: Bell | None = None
        self._hub: Any = None
        self._is_outside = False
        if self.include_if(consumer):
            # What either broker raises makes the consumer connect anew.
            consumer.connection_errors = (*consumer.connection_errors, DatabaseError, ConnectionError)
            consumer.create_task_handler = self._claiming_task_handler
            # A reply takes the way that its question came, not that of a pool which may have failed over since.
            consumer.app.control.mailbox.producer_pool = None
            consumer.on_connection_error_after_connected = partial(
                self._leave, consumer, consumer.on_connection_error_after_connected
            )
            silence.install()

    def include_if(self, consumer: Any) -> bool:
        """Say that only applications with an outside broker need it."""
        return LEDGER_URL in (consumer.app.conf.broker_read_url or ()) and bool(outside_urls(consumer.app))

    def start(self, consumer: Any) -> None:
        """Begin to claim what this connection delivers, and the relay with the first connection."""
        self._is_outside = consumer.connection.transport.driver_type != ALIAS
        self._intake.forget()
        if self._is_outside:
            holdings = Holdings.of_process(ledger_alias())
            holdings.takes_handed_over = False
            holdings.release_unbegun()
            holdings.settle()
        if self._relay is None:
            self._relay = Relay(self._app, lambda: tuple(consumer.app.amqp.queues.consume_from))
            self._relay.start()
            Publisher.of_process(self._app).breaker.on_news = self._wake_when_to_switch

    def register_with_event_loop(self, consumer: Any, hub: Any) -> None:
        """Take part in the turns of the loop."""
        self._leave_loop()
        self._hub = hub
        self._bell = bell = Bell()
        hub.add_reader(bell, self._on_bell)
        if self._is_outside:
            _prepare(consumer.connection)
            if consumer.event_dispatcher is not None:
                _prepare(consumer.event_dispatcher.connection)
            self._turns = Turns(consumer, hub, self._intake, wake=lambda: bell.ring(TURN))

    def stop(self, consumer: Any) -> None:
        """Leave the loop; the relay stays."""
        self._leave_loop()

    def shutdown(self, consumer: Any) -> None:
        """End the relay with the worker."""
        if self._relay is not None:
            self._relay.stop()
            self._relay = None

    def _claiming_task_handler(self, **options: Any) -> Callable[[Message], None]:
        """Return Celery's handler of messages; it sees those of an outside broker once they are claimed."""
        handle: Callable[[Message], None] = self._create_task_handler(**options)
        return partial(self._intake.add, take=handle) if self._is_outside else handle

    def _leave(self, consumer: Any, connect_anew: Callable[[BaseException], None], error: BaseException) -> None:
        """Drop a connection that broke before Celery connects anew; one that the database's failure ends takes leave."""
        if self._is_outside and not isinstance(error, DatabaseError):
            silence.abandon(consumer.connection)
        connect_anew(error)

    def _leave_loop(self) -> None:
        self._intake.is_on_loop = False
        turns, self._turns = self._turns, None
        if turns is not None:
            turns.stop()
        bell, self._bell = self._bell, None
        if bell is not None:
            self._hub.remove_reader(bell)
            bell.close()

    # --- fail-over and fail-back -------------------------------------------------------------------

    @property
    def _is_to_switch(self) -> bool:
        is_away = Publisher.of_process(self._app).breaker.is_open
        return is_away == self._is_outside

    def _wake_when_to_switch(self) -> None:
        bell = self._bell
        if bell is not None and self._is_to_switch:
            bell.ring(TURN)

    def _on_bell(self) -> None:
        if self._bell is None:
            return
        self._bell.hear()
        if self._is_to_switch:
            self._prefer(to_outside=not self._is_outside)
            raise BrokerSwitch("the broker is back" if not self._is_outside else "the broker is away")

    def _prefer(self, *, to_outside: bool) -> None:
        conf = self._app.conf
        outside = outside_urls(self._app)
        conf.broker_read_url = conf.broker_write_url = [*outside, LEDGER_URL] if to_outside else [LEDGER_URL, *outside]


def _prepare(connection: Any) -> None:
    silence.ask_once(connection)
    wire = connection.connection
    if hasattr(wire, "frame_writer"):
        # RabbitMQ's client writes under a lock. The handler of a cold shutdown writes too: it would wait for itself.
        wire.frame_writer = uninterruptedly(wire.frame_writer)


class Turns:
    """What happens at each turn of the event loop while an outside broker delivers."""

    def __init__(self, consumer: Any, hub: Any, intake: Intake, *, wake: Callable[[], None]) -> None:
        self._consumer = consumer
        self._hub = hub
        self._intake = intake
        self._wake = wake
        self._holdings = Holdings.of_process(ledger_alias())
        self._flusher = Flusher(self._holdings, hub, wake)
        self._is_waiting = False
        self._tickets = TicketPuncher(consumer.task_consumer.channel)
        intake.is_on_loop = True
        hub.on_tick.add(self._on_tick)
        self._timers = [
            hub.call_repeatedly(REFRESH_SECONDS, self._holdings.settle),
            hub.call_repeatedly(SAFETY_SECONDS, self._holdings.release_paused),
        ]

    def stop(self) -> None:
        """Take no more turns."""
        self._hub.on_tick.discard(self._on_tick)
        for timer in self._timers:
            timer.cancel()
        self._flusher.stop()
        self._tickets.close()

    def _on_tick(self) -> None:
        self._flusher.is_in_turn = True
        slots = self._consumer.pool.num_processes
        limit = self._raise_limit()
        if self._intake.is_worth_a_claim(slots, many=max(1, limit // 2)):
            self._fill_up(limit)
            self._intake.claim()
            self._wake()  # the pool writes at the turn of the loop too, and may have had its turn before this one
        if self._intake.is_waiting and not self._is_waiting:
            self._is_waiting = True
            self._flusher.call_later(LONGEST_WAIT_SECONDS, self._on_waited)
        self._flusher.write_what_is_due()
        self._flusher.is_in_turn = False

    def _raise_limit(self) -> int:
        """Let more be delivered than the prefetch limit while jobs end quickly; returns how many that is."""
        limit: int = self._consumer.qos.value
        if limit and self._tickets.is_virtual:
            limit += self._holdings.lookahead()
            self._tickets.set_limit(limit)
        return limit

    def _fill_up(self, limit: int) -> None:
        """Let a claim have as many tickets as there is room for, when others run: then more are likely to wait."""
        if limit and self._tickets.is_virtual and worker_state.reserved_requests:
            room = self._tickets.room(limit)
            if room >= max(1, limit // 2):
                self._tickets.pop_like(self._intake.arrivals, room)

    def _on_waited(self) -> None:
        self._is_waiting = False  # the turn that follows claims
