"""The WebSockets `ws/live/` and `ws/timer/`.

A client sends `{"subscribe": {"<stream>": "<epoch:offset>" or null}}` and is sent, for each stream,

- `{"stream", "type", "data", "position"}` for every event since the position, and from then on;
- `{"stream", "recovered": true, "position"}` once it has all of them;
- `{"stream", "recovered": false, "position"}` whenever some are lost: reload, and go on from there;
- `{"stream", "refused": true}` when it may not follow the stream, or no longer;

and `{}` every 25 s, so that it knows a silent socket from a dead one.

`ws/timer/` is the same with the person's own stream followed at once, from `?position=` if given.
A foreign page or a stranger is refused at the handshake. When the session ends, so does the socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs

import django.db
from channels.auth import AuthMiddlewareStack
from channels.db import database_sync_to_async

from workstate.core.live.authorisation import may_follow
from workstate.core.live.bulletins import encode
from workstate.core.live.handshake import Scope, comes_from_here, find_signed_in_user
from workstate.core.live.hub import Hub, open_hub
from workstate.core.live.outbox import Outbox
from workstate.core.live.positions import Position
from workstate.core.live.requests import STREAM_LIMIT, BadRequestError, parse_subscription
from workstate.core.live.session_guard import SessionGuard
from workstate.core.live.sessions import stream_of
from workstate.core.live.socket_codes import CloseCode

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

HEARTBEAT = "{}"
HEARTBEAT_SECONDS = 25.0


class LiveSocket:
    """One open WebSocket: what it hears, what it says, and whose it is."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, hub: Hub) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._hub = hub
        self._user = scope["user"]
        self._own_stream = stream_of(self._user.pk)
        self._outbox = Outbox()
        self._subscribing = asyncio.Lock()
        self._guard = SessionGuard(scope["session"].session_key)

    async def run(self, places: dict[str, Position | None]) -> None:
        """Accept the socket, follow the streams and serve it until it closes."""
        try:
            code = await self._serve(places)
        except django.db.Error:  # the hub has reported it
            code = CloseCode.TRY_AGAIN
        finally:
            self._leave()
        if code is not None:
            with suppress(OSError):  # how an ASGI server says that nobody is there
                await self._send({"type": "websocket.close", "code": code})

    async def _serve(self, places: dict[str, Position | None]) -> CloseCode | None:
        await self._hub.follow(self._guard, self._own_stream, None)
        # Only now: a logout from here on raises the guard's alarm, one from before is seen by this.
        if not await self._is_signed_in():
            return CloseCode.SIGNED_OUT
        await self._send({"type": "websocket.accept"})
        await self._subscribe(places)
        return await _first_to_end(self._hear(), self._speak(), self._watch_session())

    async def _hear(self) -> CloseCode | None:
        """Subscribe to what the client asks for; return when it is gone or asks for nonsense."""
        while (message := await self._receive())["type"] == "websocket.receive":
            try:
                await self._subscribe(parse_subscription(message.get("text")))
            except BadRequestError as error:
                return error.code
        return None

    async def _speak(self) -> None:
        """Send what is in the outbox; return when the client is gone."""
        while True:
            text = await self._outbox.take()
            try:
                await self._send({"type": "websocket.send", "text": text})
            except OSError:  # as above
                return

    async def _watch_session(self) -> CloseCode:
        """Give signs of life, and at each alarm check the session; return when it is over."""
        while True:
            try:
                async with asyncio.timeout(HEARTBEAT_SECONDS):
                    await self._guard.wait_for_alarm()
            except TimeoutError:
                self._outbox.put(HEARTBEAT)
                continue
            if self._guard.has_ended or not await self._is_signed_in():
                return CloseCode.SIGNED_OUT
            await self._recheck_streams()

    async def _is_signed_in(self) -> bool:
        user = await find_signed_in_user(self._scope)
        self._user = user or self._user
        return user is not None

    async def _recheck_streams(self) -> None:
        async with self._subscribing:
            for stream in await self._list_refused(self._outbox.streams):
                self._hub.leave(self._outbox, stream)
                self._outbox.drop(stream)
                self._refuse(stream)

    async def _subscribe(self, places: dict[str, Position | None]) -> None:
        async with self._subscribing:  # else a stream could be let in while rights are checked again
            if len(self._outbox.streams | places.keys()) > STREAM_LIMIT:
                raise BadRequestError(CloseCode.TOO_MANY_STREAMS)
            refused = await self._list_refused(places)
            for stream, place in places.items():
                if stream in refused:
                    self._refuse(stream)
                else:
                    await self._hub.follow(self._outbox, stream, place)

    async def _list_refused(self, streams: Iterable[str]) -> set[str]:
        refused: set[str] = await database_sync_to_async(_list_refused)(self._user, list(streams))
        return refused

    def _refuse(self, stream: str) -> None:
        self._outbox.put(encode({"stream": stream, "refused": True}))

    def _leave(self) -> None:
        self._hub.leave(self._guard, self._own_stream)
        for stream in self._outbox.streams:
            self._hub.leave(self._outbox, stream)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve the WebSockets of this site; the part of `asgi.py` that core brings."""
    await receive()  # the request to connect
    address = scope["path"].removeprefix(scope.get("root_path", ""))
    if address not in _ADDRESSES:
        await _refuse(send, CloseCode.NO_SUCH_ADDRESS)
    elif not comes_from_here(scope):
        await _refuse(send, CloseCode.FOREIGN_ORIGIN)
    else:
        await AuthMiddlewareStack(_ADDRESSES[address])(scope, receive, send)


async def serve_live(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve `ws/live/`."""
    await _serve(scope, receive, send, {})


async def serve_timer(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve `ws/timer/`."""
    positions = parse_qs(scope.get("query_string", b"").decode("latin1")).get("position")
    place = Position.parse(positions[-1]) if positions else None
    await _serve(scope, receive, send, {stream_of(scope["user"].pk): place})


async def _serve(scope: Scope, receive: Receive, send: Send, places: dict[str, Position | None]) -> None:
    if scope["user"].is_authenticated:
        await LiveSocket(scope, receive, send, open_hub()).run(places)
    else:
        await _refuse(send, CloseCode.SIGNED_OUT)


async def _refuse(send: Send, code: CloseCode) -> None:
    await send({"type": "websocket.close", "code": code})


async def _first_to_end(*activities: Coroutine[Any, Any, CloseCode | None]) -> CloseCode | None:
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


_ADDRESSES = {"/ws/live/": serve_live, "/ws/timer/": serve_timer}
