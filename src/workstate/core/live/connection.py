"""What every live connection has in common, be it a WebSocket or an event stream.

It belongs to a person and a session. It follows streams through the hub, fills an outbox, and ends
when the session does, when the process does, or when its client asks for nonsense.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from channels.db import database_sync_to_async

from workstate.core.live.authorisation import may_follow
from workstate.core.live.bulletins import SIGN_OF_LIFE, tell_refusal
from workstate.core.live.handshake import find_signed_in_user
from workstate.core.live.outbox import Outbox
from workstate.core.live.publishing import stream_of
from workstate.core.live.requests import STREAM_LIMIT, BadRequestError
from workstate.core.live.session_guard import SessionGuard
from workstate.core.live.socket_codes import CloseCode

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

    from workstate.core.live.handshake import Scope
    from workstate.core.live.hub import Hub
    from workstate.core.live.positions import Position

HEARTBEAT_SECONDS = 25.0
HEARTBEATS_IN_A_CHECK = 12
"""Every so many signs of life, five minutes, the session and the rights are checked though nothing was heard."""


class Connection:
    """A person's open connection: what it follows, what it is still to be sent, and whether it may go on."""

    __slots__ = ("_end", "_guard", "_hub", "_scope", "_subscribing", "address", "outbox", "own_stream")

    def __init__(self, scope: Scope, hub: Hub) -> None:
        self._scope = scope
        self._hub = hub
        self._guard = SessionGuard(scope["session"].session_key)
        self._subscribing = asyncio.Lock()
        self._end: CloseCode | None = None
        self.own_stream = stream_of(scope["user"].pk)
        self.address: str = (scope.get("client") or [""])[0]
        self.outbox = Outbox()

    async def open(self) -> bool:
        """Begin to watch the session; False when it is over by now. Raises `django.db.Error`."""
        await self._hub.follow(self._guard, self.own_stream, None)
        # Only now: a logout from here on raises the guard's alarm, one from before is seen by this.
        return await self._is_signed_in()

    async def subscribe(self, places: dict[str, Position | None]) -> None:
        """Follow those of the streams that the person may follow, each from its place; refuse the others.

        Raises BadRequestError when they are too many, `django.db.Error` when the log cannot be read.
        """
        async with self._subscribing:  # else a stream could be let in while rights are checked again
            if len(self.outbox.streams | places.keys()) > STREAM_LIMIT:
                raise BadRequestError(CloseCode.TOO_MANY_STREAMS)
            refused = await self._list_refused(places)
            for stream, place in places.items():
                if stream in refused:
                    self.outbox.put(tell_refusal(stream))
                else:
                    await self._hub.follow(self.outbox, stream, place)

    async def watch(self) -> CloseCode:
        """Give signs of life, check the session and the rights at each alarm; return why it has to end."""
        beats = 0
        while self._end is None:
            beats = 0 if await self._is_alarmed() else beats + 1
            if self._end is None and beats % HEARTBEATS_IN_A_CHECK == 0:
                await self._check()
        return self._end

    def end(self, code: CloseCode) -> None:
        """Have `watch` return `code` soon."""
        self._end = code
        self._guard.raise_alarm()

    def leave(self) -> None:
        """Follow nothing more."""
        self._hub.leave(self._guard, self.own_stream)
        for stream in self.outbox.streams:
            self._hub.leave(self.outbox, stream)

    async def _is_alarmed(self) -> bool:
        """Wait for an alarm; after a while without one send a sign of life and return False."""
        try:
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                await self._guard.wait_for_alarm()
        except TimeoutError:
            self.outbox.put(SIGN_OF_LIFE)
            return False
        return True

    async def _check(self) -> None:
        if self._guard.has_ended or not await self._is_signed_in():
            self._end = self._end or CloseCode.SIGNED_OUT
        else:
            await self._recheck_streams()

    async def _is_signed_in(self) -> bool:
        user = await find_signed_in_user(self._scope)
        self._scope["user"] = user or self._scope["user"]
        return user is not None

    async def _recheck_streams(self) -> None:
        async with self._subscribing:
            for stream in await self._list_refused(self.outbox.streams):
                self._hub.leave(self.outbox, stream)
                self.outbox.drop(stream)
                self.outbox.put(tell_refusal(stream))

    async def _list_refused(self, streams: Iterable[str]) -> set[str]:
        refused: set[str] = await database_sync_to_async(_list_refused)(self._scope["user"], list(streams))
        return refused


async def first_to_end(*activities: Coroutine[Any, Any, CloseCode | None]) -> CloseCode | None:
    """Run them side by side; when one ends, end the others and return what it returned."""
    tasks = [asyncio.ensure_future(activity) for activity in activities]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    return ended.pop().result()


def _list_refused(user: Any, streams: list[str]) -> set[str]:
    return {stream for stream in streams if not may_follow(user, stream)}
