"""What a watcher promises, and the thread that all of them share.

A watcher is new, then watching, then stopped; it is started once. While it watches, its daemon
thread calls `on_change`

- once when it begins to watch, and once after each interruption;
- soon after another connection committed;
- never more than about once a millisecond, the last change of a burst included.

Weakness: a call says neither what changed nor how much, and a call may be for nothing. An
`on_change` that raises is logged, and the watcher goes on.
"""

from __future__ import annotations

import logging
import os
import selectors
import socket
import threading
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger(__name__)

COALESCE_SECONDS = 0.001
RESTART_SECONDS = 1.0
STOP_PATIENCE_SECONDS = 2.0


class Watcher(ABC):
    """A daemon thread that calls `on_change` soon after a commit, until it is stopped."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._pid = 0

    def start(self) -> None:
        """Begin to watch; returns at once and raises RuntimeError when it was started before."""
        if self._pid:
            msg = "A watcher is started once; open another one."
            raise RuntimeError(msg)
        self._pid = os.getpid()
        self._bell, self._bell_push = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name=f"workstate-{type(self).__name__}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it; does nothing a second time, nor in a child after a fork."""
        if self._thread is None or self._pid != os.getpid():
            return
        thread, self._thread = self._thread, None
        self._stopping.set()
        with suppress(BrokenPipeError):  # the thread saw that it is to stop, and has gone
            self._bell_push.send(b"\0")
        if thread is not threading.current_thread():
            thread.join(STOP_PATIENCE_SECONDS)
        self._bell_push.close()

    @abstractmethod
    def _watch(self, selector: selectors.BaseSelector) -> None:
        """Call `_tell` after each change until `_stopping` is set; `selector` also wakes for a stop."""

    def _run(self) -> None:
        with self._bell:
            while not self._stopping.is_set():
                try:
                    self._watch_once()
                except Exception:
                    # A watcher that ends would leave its process without news until it is started again.
                    logger.exception("A watcher failed and starts again in %s s.", RESTART_SECONDS)
                    self._stopping.wait(RESTART_SECONDS)

    def _watch_once(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._bell, selectors.EVENT_READ)
            self._watch(selector)

    def _tell(self) -> None:
        if self._stopping.is_set():
            return
        try:
            self._on_change()
        except Exception:
            # What is called is another's code; what it raises must not end the watching.
            logger.exception("What a watcher called failed; it will be called again after the next change.")
        self._stopping.wait(COALESCE_SECONDS)
