"""Keeps an eye on the session that a socket was opened with."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from workstate.core.live.sessions import CONTROL_TYPES, SESSION_ENDED, fingerprint

if TYPE_CHECKING:
    from workstate.core.live.bulletins import Bulletin, Frame


class SessionGuard:
    """A follower of the person's own stream that raises an alarm when the session may be over."""

    __slots__ = ("_alarm", "_fingerprint", "has_ended")

    def __init__(self, session_key: str) -> None:
        self._fingerprint = fingerprint(session_key)
        self._alarm = asyncio.Event()
        self.has_ended = False

    def begin(self, bulletin: Bulletin) -> None:
        """Begin at the stream's end: the session is checked after this."""

    def receive(self, bulletin: Bulletin) -> None:
        """Raise the alarm at a control event, or when one may have been missed."""
        control = [frame for frame in bulletin.frames if frame.event.type in CONTROL_TYPES]
        self.has_ended = self.has_ended or any(self._ends_session(frame) for frame in control)
        if control or not bulletin.recovered:
            self.raise_alarm()

    def raise_alarm(self) -> None:
        """Have whoever waits look."""
        self._alarm.set()

    async def wait_for_alarm(self) -> None:
        """Wait until the session has to be checked."""
        await self._alarm.wait()
        self._alarm.clear()

    def _ends_session(self, frame: Frame) -> bool:
        return frame.event.type == SESSION_ENDED and frame.event.data.get("session") == self._fingerprint
