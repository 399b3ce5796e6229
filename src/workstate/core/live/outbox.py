"""What one client is still to be sent: bounded, so that a slow client costs no memory."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from workstate.core.live.bulletins import encode_place

if TYPE_CHECKING:
    from workstate.core.live.bulletins import Bulletin, Frame
    from workstate.core.live.positions import Position

QUEUE_LIMIT = 256


class Outbox:
    """A follower with a queue of texts.

    A client that lets the queue fill up loses what is in it and is told of every stream it follows
    to reload (`recovered: false`); so is one for whom an event is missing.
    """

    def __init__(self, limit: int = QUEUE_LIMIT) -> None:
        self._limit = limit
        self._places: dict[str, Position] = {}
        self._texts: deque[str] = deque()
        self._filled = asyncio.Event()

    @property
    def streams(self) -> set[str]:
        """The streams that are followed."""
        return set(self._places)

    def begin(self, bulletin: Bulletin) -> None:
        """Queue what the client missed, then where it stands."""
        self._places[bulletin.stream] = bulletin.position
        place = encode_place(bulletin.stream, bulletin.position, recovered=bulletin.recovered)
        self._put([*_texts_of(bulletin.frames), place])

    def receive(self, bulletin: Bulletin) -> None:
        """Queue what is new to the client."""
        behind = self._places[bulletin.stream].behind(bulletin.position)
        if behind == 0:
            return
        self._places[bulletin.stream] = bulletin.position
        if bulletin.recovered and behind is not None and behind <= len(bulletin.frames):
            self._put(_texts_of(bulletin.frames[-behind:]))
        else:
            self._put([encode_place(bulletin.stream, bulletin.position, recovered=False)])

    def put(self, text: str) -> None:
        """Queue a text of another kind."""
        self._put([text])

    def drop(self, stream: str) -> None:
        """Follow the stream no longer."""
        del self._places[stream]

    async def take(self) -> str:
        """Wait for the next text and take it out."""
        while not self._texts:
            self._filled.clear()
            await self._filled.wait()
        return self._texts.popleft()

    def _put(self, texts: list[str]) -> None:
        if len(self._texts) + len(texts) > self._limit:
            texts = [encode_place(stream, place, recovered=False) for stream, place in self._places.items()]
            self._texts.clear()
        self._texts.extend(texts)
        self._filled.set()


def _texts_of(frames: list[Frame]) -> list[str]:
    return [frame.text for frame in frames if frame.text is not None]
