"""The kombu transport `workstate://`: Celery's broker is the ledger.

In a worker it lives on Celery's event loop. A watcher thread rings when something was
committed; at each turn of the loop what ended is written and what is free is claimed, in
one commit. Without an event loop (gevent, Windows, a plain consumer) `drain_events` takes
the same turns whenever it is called.

When the database fails, its error is one of `connection_errors`: Celery closes the
consumer, keeps what runs, and connects again; ends wait in `PendingWrites`.
"""

from __future__ import annotations

import math
from collections import deque
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any, ClassVar

from django.db import Error as DatabaseError
from kombu.transport import virtual

from workstate.core.broker.bell import NEWS, TURN, Bell
from workstate.core.broker.channel import Channel
from workstate.core.broker.control import control_file
from workstate.core.broker.flushing import Flusher
from workstate.core.broker.holdings import Holdings
from workstate.core.jobs import clock
from workstate.core.jobs.connections import close_private_connections, ledger_alias, private_connection
from workstate.core.jobs.enqueue import CHANNEL
from workstate.core.jobs.ledger import ledger_on
from workstate.core.wakeup import Watcher, hint_at_once, open_watcher

SAFETY_SECONDS = 1.0
"""How long a lost hint can stay unnoticed."""
REFRESH_SECONDS = 30.0
"""How often the control queues of this process are kept alive, and its claims compared with the ledger."""
CONTROL_PAUSE_SECONDS = 0.002
"""How long control traffic waits behind jobs that have just been claimed."""
PROMOTION_PAUSE_SECONDS = 0.02
"""How often, at most, the ledger is asked when its next job is due."""


class Transport(virtual.Transport):
    """Celery's broker in the project's own database."""

    Channel = Channel
    driver_type = "workstate"
    driver_name = "workstate"
    connection_errors: ClassVar[tuple[type[Exception], ...]] = (*virtual.Transport.connection_errors, DatabaseError)
    implements = virtual.Transport.implements.extend(
        asynchronous=True, exchange_type=frozenset(["direct", "topic", "fanout"])
    )

    def __init__(self, client: Any, **kwargs: Any) -> None:
        super().__init__(client, **kwargs)
        self.alias = ledger_alias()
        self._watcher: Watcher | None = None
        self._bell: Bell | None = None
        self._loop: Any = None
        self._timers: list[Any] = []
        self._flusher: Flusher | None = None
        self._control_traffic: deque[tuple[str, dict[str, Any]]] = deque()
        self._is_hungry = True
        self._may_have_due = True
        self._looked_for_due_at = 0.0
        self._look_at = math.inf

    @property
    def default_connection_params(self) -> dict[str, Any]:
        """Nothing: the project's DATABASES says where the ledger is."""
        return {}

    # --- life ------------------------------------------------------------------------------------

    def close_connection(self, connection: Any) -> None:
        """Give back what has not begun, write what has ended, and stop watching."""
        self._leave_loop()
        with suppress(DatabaseError):  # what can't be written now stays pending
            super().close_connection(connection)
        self._stop_watching()

    def watch(self) -> None:
        """Have the bell rung after every commit from now on.

        Raises django.db.OperationalError when the database does not answer.
        """
        if self._bell is not None:
            return
        close_private_connections()  # what an outage broke
        ledger_on(private_connection(self.alias)).query("SELECT 1")
        self._bell = Bell()
        also = [Path(control_file(private_connection(self.alias).settings_dict))]
        self._watcher = open_watcher(self.alias, CHANNEL, self.ring, also=also)
        self._watcher.start()

    def _stop_watching(self) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.stop()
        bell, self._bell = self._bell, None
        if bell is not None:
            bell.close()

    def ring(self) -> None:
        """Let the consumer look at the ledger; any thread may call this."""
        self._ring(NEWS)

    def _ring(self, tone: bytes) -> None:
        bell = self._bell
        if bell is not None:
            bell.ring(tone)

    def hint(self) -> None:
        """Tell other processes that control traffic is waiting."""
        hint_at_once(self.alias, CHANNEL)

    # --- on Celery's event loop --------------------------------------------------------------------

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:
        """Take a turn at every turn of the loop; called again at every reconnect.

        Raises django.db.DatabaseError when the ledger does not answer. Celery forgets the connection then and
        makes another one, so nothing of this one may stay with the loop.
        """
        self._leave_loop()
        try:
            self.watch()
            holdings = Holdings.of_process(self.alias)
            holdings.release_unbegun()
            holdings.settle()
            self._look_around()
        except DatabaseError:
            self._stop_watching()
            raise
        self._loop = loop
        self._flusher = Flusher(holdings, loop, lambda: self._ring(TURN))
        loop.on_tick.add(self._on_tick)
        loop.add_reader(self._bell, self._on_bell)
        self._timers = [
            loop.call_repeatedly(SAFETY_SECONDS, self._look_around),
            loop.call_repeatedly(SAFETY_SECONDS, holdings.release_paused),
            loop.call_repeatedly(REFRESH_SECONDS, self._refresh),
        ]

    def _leave_loop(self) -> None:
        loop, self._loop = self._loop, None
        if loop is None:
            return
        for timer in self._timers:
            timer.cancel()
        loop.on_tick.discard(self._on_tick)
        loop.remove_reader(self._bell)
        if self._flusher is not None:
            self._flusher.stop()

    def _on_bell(self) -> None:
        if self._bell is not None and NEWS in self._bell.hear():
            self._look_again()
            if self._deliver_jobs():
                # What was claimed is on its way to the pool at the next turn; control traffic can wait that long.
                self._loop.call_later(CONTROL_PAUSE_SECONDS, self._deliver_control)
            else:
                self._deliver_control()

    def _look_around(self) -> None:
        # An outside broker may be, or have been, in front of the ledger: what it was handed is claimed here too.
        Holdings.of_process(self.alias).takes_handed_over = ledger_on(private_connection(self.alias)).has_handed_over()
        self._look_again()

    def _look_again(self) -> None:
        self._is_hungry = True
        self._may_have_due = True

    def _on_tick(self) -> None:
        assert self._flusher is not None
        self._flusher.is_in_turn = True
        delivered = self._deliver_jobs()
        if self._promote_due():
            delivered += self._deliver_jobs()
        if delivered:
            # The pool writes at the turn of the loop too, and may have had its turn before this one.
            self._ring(TURN)
        self._flusher.write_what_is_due()
        self._flusher.is_in_turn = False

    # --- a turn ----------------------------------------------------------------------------------------

    def _take_control(self) -> None:
        for channel in list(self.channels):
            self._control_traffic.extend(channel.take_control())

    def _deliver_control(self) -> None:
        self._take_control()
        while self._control_traffic:
            self._deliver_one_control()

    def _deliver_one_control(self) -> bool:
        if not self._control_traffic:
            self._take_control()
        if not self._control_traffic:
            return False
        queue, message = self._control_traffic.popleft()
        self._deliver(message, queue)
        return True

    def _deliver_jobs(self) -> int:
        holdings = Holdings.of_process(self.alias)
        if not self._is_hungry or holdings.is_draining:
            return 0
        delivered = 0
        hungry = False
        for channel in list(self.channels):
            queues = channel.job_queues
            if not queues:
                continue
            limit = channel.free_slots
            if limit < channel.worthwhile_claim and not holdings.pending.are_due:
                hungry = True
                continue
            messages = holdings.claim(queues, limit, channel)
            hungry = hungry or len(messages) == limit
            channel.deliver_jobs(messages)
            delivered += len(messages)
        self._is_hungry = hungry
        return delivered

    def _promote_due(self) -> bool:
        """Make jobs available whose time has come; True when there were any."""
        if not self._may_have_due:
            return False
        wait = self._looked_for_due_at + PROMOTION_PAUSE_SECONDS - monotonic()
        if wait > 0:
            self._look_later(wait)
            return False
        self._looked_for_due_at = monotonic()
        self._may_have_due = False
        ledger = ledger_on(private_connection(self.alias))
        next_due_at = ledger.next_due_at()
        if next_due_at is None:
            return False
        delay = (next_due_at - clock.now()).total_seconds()
        if delay > 0:
            self._look_later(delay)
            return False
        has_promoted = bool(ledger.promote_due())
        if has_promoted:
            self._look_again()
        return has_promoted

    def _look_later(self, seconds: float) -> None:
        at = monotonic() + seconds
        # Whoever waits without a loop looks again at every turn, and each second at the latest.
        if self._flusher is None or seconds >= SAFETY_SECONDS or self._look_at <= at:
            return
        self._look_at = at
        self._flusher.call_later(seconds, self._on_look_timer)

    def _on_look_timer(self) -> None:
        self._look_at = math.inf
        self._look_again()

    def _refresh(self) -> None:
        Holdings.of_process(self.alias).settle()
        for channel in list(self.channels):
            channel.control.refresh(channel.control_queues)

    # --- without an event loop -------------------------------------------------------------------------

    def drain_events(self, connection: Any, timeout: float | None = None) -> None:
        """Deliver what is there, or wait for it.

        Raises socket.timeout when nothing came within `timeout` seconds.
        """
        deadline = None if timeout is None else monotonic() + timeout
        while not self._take_turn():
            left = SAFETY_SECONDS if deadline is None else deadline - monotonic()
            if left <= 0:
                raise TimeoutError  # which socket.timeout is
            self._wait(min(left, SAFETY_SECONDS))

    def _take_turn(self) -> int:
        # One call, one message of control traffic: whoever waits for three replies calls three times.
        delivered = int(self._deliver_one_control())
        if any(channel.job_queues for channel in self.channels):
            self._look_around()
            self._promote_due()
            delivered += self._deliver_jobs()
        return delivered

    def _wait(self, seconds: float) -> None:
        self.watch()
        assert self._bell is not None
        self._bell.wait(seconds)
