"""Sends PostgreSQL's `NOTIFY` from a thread, so that no commit waits for it.

A notification inside each commit takes a lock of the whole database and halves the commits of many
writers; one statement at most each 5 ms does not.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import psycopg

from workstate.core.wakeup.backoff import Backoff
from workstate.core.wakeup.outage import Outage
from workstate.core.wakeup.postgresql import connect

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


INTERVAL_SECONDS = 0.005
IDLE_SECONDS = 60.0
STOP_PATIENCE_SECONDS = 1.0


class Notifier:
    """One daemon thread and at most one connection that notify the channels asked for.

    The first request goes out at once, those of the next 5 ms together after it. While the database
    is away requests wait, one for each channel, and go out when it is back. An idle connection is
    closed after a minute.
    """

    def __init__(self, parameters: Mapping[str, Any]) -> None:
        self._parameters = parameters
        self._lock = threading.Lock()
        self._requested = threading.Event()
        self._stopping = threading.Event()
        self._pending: set[str] = set()
        self._thread: threading.Thread | None = None
        self._connection: psycopg.Connection[Any] | None = None
        self._outage = Outage("NOTIFY")
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
                self._disconnect()
        self._send_pending()
        self._disconnect()

    def _send_pending(self) -> float:
        """Notify the pending channels; return the seconds to wait before the next time."""
        with self._lock:
            channels, self._pending = self._pending, set()
        try:
            self._notify(channels)
        except psycopg.Error as error:
            self._disconnect()
            self._outage.begin(error)
            self._put_back(channels)
            return self._backoff.next_seconds()
        self._outage.end()
        self._backoff.reset()
        return INTERVAL_SECONDS

    def _notify(self, channels: Iterable[str]) -> None:
        if not channels:
            return
        if self._connection is None:
            self._connection = connect(self._parameters)
        self._connection.execute("SELECT pg_notify(channel, '') FROM unnest(%s::text[]) AS channel", [list(channels)])

    def _put_back(self, channels: Iterable[str]) -> None:
        with self._lock:
            self._pending.update(channels)
        self._requested.set()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
