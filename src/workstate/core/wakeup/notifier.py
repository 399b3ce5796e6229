"""Sends hints from a thread, so that no commit waits for it.

A notification of PostgreSQL inside each commit takes a lock of the whole database and halves the
commits of many writers; one statement at most each 5 ms does not.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from workstate.core.wakeup.backoff import Backoff
from workstate.core.wakeup.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Iterable


INTERVAL_SECONDS = 0.005
IDLE_SECONDS = 60.0
STOP_PATIENCE_SECONDS = 1.0


class Carrier(ABC):
    """A way for hints to travel; used by one thread."""

    subject: ClassVar[str]
    """What is said to be away when it is."""
    errors: ClassVar[tuple[type[Exception], ...]]
    """What `send` raises when it is."""

    @abstractmethod
    def send(self, channels: Iterable[str]) -> None:
        """Notify the channels, connecting first where there is no connection."""

    @abstractmethod
    def disconnect(self) -> None:
        """Close the connection, if there is one."""


class Notifier:
    """One daemon thread that notifies the channels asked for, through its carrier.

    The first request goes out at once, those of the next 5 ms together after it. While the carrier
    is away requests wait, one for each channel, and go out when it is back. An idle connection is
    closed after a minute.
    """

    def __init__(self, carrier: Carrier) -> None:
        self._carrier = carrier
        self._lock = threading.Lock()
        self._requested = threading.Event()
        self._stopping = threading.Event()
        self._pending: set[str] = set()
        self._thread: threading.Thread | None = None
        self._outage = Outage(carrier.subject)
        self._backoff = Backoff()

    def request(self, channel: str) -> None:
        """Have `channel` notified soon."""
        with self._lock:
            self._pending.add(channel)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="workstate-Notifier", daemon=True)
                self._thread.start()
        self._requested.set()

    def stop(self) -> None:
        """Send what is pending, close the connection and end the thread; gives up after a second."""
        self._stopping.set()
        self._requested.set()
        if self._thread is not None:
            self._thread.join(STOP_PATIENCE_SECONDS)

    def _run(self) -> None:
        while not self._stopping.is_set():
            if self._requested.wait(IDLE_SECONDS):
                self._requested.clear()
                self._stopping.wait(self._send_pending())
            else:
                self._carrier.disconnect()
        self._send_pending()
        self._carrier.disconnect()

    def _send_pending(self) -> float:
        """Notify the pending channels; return the seconds to wait before the next time."""
        with self._lock:
            channels, self._pending = self._pending, set()
        try:
            if channels:
                self._carrier.send(channels)
        except self._carrier.errors as error:
            self._carrier.disconnect()
            self._outage.begin(error)
            self._put_back(channels)
            return self._backoff.next_seconds()
        self._outage.end()
        self._backoff.reset()
        return INTERVAL_SECONDS

    def _put_back(self, channels: Iterable[str]) -> None:
        with self._lock:
            self._pending.update(channels)
        self._requested.set()
