"""What one client is still to be sent: bounded, so that a slow client costs no memory."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from workstate.core.live.bulletins import tell_place

if TYPE_CHECKING:
    from workstate.core.live.bulletins import Bulletin, Frame, Message
    from workstate.core.live.positions import Position

QUEUE_LIMIT = 256


class Outbox:
    """A follower with a queue of messages.

    A client that lets the queue fill up loses what is in it and is told of every stream it follows
    to reload (`recovered: false`); so is one for whom an event is missing.
    """

    __slots__ = ("_filled", "_limit", "_messages", "_places")

    def __init__(self, limit: int = QUEUE_LIMIT) -> None:
        self._limit = limit
        self._places: dict[str, Position] = {}
        self._messages: deque[Message] = deque()
        self._filled = asyncio.Event()

    @property
    def streams(self) -> set[str]:
        """The streams that are followed."""
        return set(self._places)

    def begin(self, bulletin: Bulletin) -> None:
        """Queue what the client missed, then where it stands."""
        self._places[bulletin.stream] = bulletin.position
        place = tell_place(bulletin.stream, bulletin.position, recovered=bulletin.recovered)
        self._put([*_messages_of(bulletin.frames), place])

    def receive(self, bulletin: Bulletin) -> None:
        """Queue what is new to the client."""
        behind = self._places[bulletin.stream].behind(bulletin.position)
        if behind == 0:
            return
        self._places[bulletin.stream] = bulletin.position
        if bulletin.recovered and behind is not None and behind <= len(bulletin.frames):
            self._put(_messages_of(bulletin.frames[-behind:]))
        else:
            self._put([tell_place(bulletin.stream, bulletin.position, recovered=False)])

    def put(self, message: Message) -> None:
        """Queue a message of another kind."""
        self._put([message])

    def drop(self, stream: str) -> None:
        """Follow the stream no longer; what is queued of it is not sent any more."""
        del self._places[stream]
        self._messages = deque(message for message in self._messages if message.stream != stream)

    async def take(self) -> Message:
        """Wait for the next message and take it out."""
        while not self._messages:
            self._filled.clear()
            await self._filled.wait()
        return self._messages.popleft()

    def _put(self, messages: list[Message]) -> None:
        if len(self._messages) + len(messages) > self._limit:
            messages = self._resync([*self._messages, *messages])
            self._messages.clear()
        self._messages.extend(messages)
        self._filled.set()

    def _resync(self, unsent: list[Message]) -> list[Message]:
        """Return what takes the place of all these: where to go on from, and which streams are followed no longer."""
        places = [tell_place(stream, place, recovered=False) for stream, place in self._places.items()]
        refusals = [message for message in unsent if message.stream not in self._places and message.stream]
        return [*places, *refusals[: self._limit]]


def _messages_of(frames: list[Frame]) -> list[Message]:
    return [frame.message for frame in frames if frame.message is not None]
