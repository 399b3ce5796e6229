"""A bell that any thread may ring and an event loop can hear: one byte on a socket pair."""

from __future__ import annotations

import select
import socket
from contextlib import suppress

NEWS = b"n"
"""The tone when something was committed."""
TURN = b"t"
"""The tone when the loop only has to take another turn."""


class Bell:
    """Rings are coalesced: who hears it hears all tones rung so far."""

    def __init__(self) -> None:
        self._ear, self._clapper = socket.socketpair()
        self._ear.setblocking(False)
        self._clapper.setblocking(False)

    def fileno(self) -> int:
        """Return the descriptor that is readable once it has rung."""
        return self._ear.fileno()

    def ring(self, tone: bytes) -> None:
        """Ring; a bell that nobody has heard for long, or that was just closed, stays silent."""
        with suppress(OSError):
            self._clapper.send(tone)

    def hear(self) -> bytes:
        """Return the tones rung since the last time."""
        with suppress(BlockingIOError):
            return self._ear.recv(4096)
        return b""

    def wait(self, seconds: float) -> bytes:
        """Wait for a ring, at most `seconds`, and return the tones."""
        select.select([self._ear], [], [], seconds)
        return self.hear()

    def close(self) -> None:
        """Let go of the sockets."""
        self._ear.close()
        self._clapper.close()
