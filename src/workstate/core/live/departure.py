"""Notices that the server is about to end, before it waits for what is open.

A server waits for its responses first and tells the application afterwards, so a response that goes
on until it is told to end would hold it up. What comes first is the signal.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from typing import TYPE_CHECKING

from workstate.core.live.lobby import lobby

if TYPE_CHECKING:
    from types import FrameType

SIGNALS = (signal.SIGTERM, signal.SIGINT)


def announce_departure() -> None:
    """Have the lobby closed when one of the signals comes that end this process, before its own handler is called.

    Only where the running loop's thread is the one that gets signals, and for signals that the server handles.
    """
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            _precede(number, asyncio.get_running_loop())


def _precede(number: signal.Signals, loop: asyncio.AbstractEventLoop) -> None:
    handler = signal.getsignal(number)
    if not callable(handler):
        return

    def close_and_handle(received: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(lobby.close)
        handler(received, frame)

    signal.signal(number, close_and_handle)
