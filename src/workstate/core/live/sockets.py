"""The WebSockets `ws/live/` and `ws/timer/`.

A client sends `{"subscribe": {"<stream>": "<epoch:offset>" or null}}` and is sent, for each stream,

- `{"stream", "type", "data", "position"}` for every event since the position, and from then on;
- `{"stream", "recovered": true, "position"}` once it has all of them;
- `{"stream", "recovered": false, "position"}` whenever some are lost: reload, and go on from there;
- `{"stream", "refused": true}` when it may not follow the stream, or no longer;

and `{}` every 25 s, so that it knows a silent socket from a dead one.

`ws/timer/` is the same with the person's own stream followed at once, from `?position=` if given.
A foreign page or a stranger is refused at the handshake. When the session ends, so does the socket,
and when the process does; `CloseCode` says why.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import django.db

from workstate.core.live.bucket import TokenBucket
from workstate.core.live.connection import Connection, first_to_end
from workstate.core.live.handshake import Receive, Scope, Send, comes_from_here, find_address, signed_in
from workstate.core.live.hub import open_hub
from workstate.core.live.lobby import lobby
from workstate.core.live.positions import Position
from workstate.core.live.publishing import stream_of
from workstate.core.live.requests import parse_subscription
from workstate.core.live.socket_codes import CloseCode, RefusedError

if TYPE_CHECKING:
    from workstate.core.live.requests import Places


MESSAGES_AT_ONCE = 30
MESSAGES_A_SECOND = 2.0


class LiveSocket:
    """One open WebSocket: what it hears and what it says."""

    __slots__ = ("_connection", "_patience", "_receive", "_send")

    def __init__(self, receive: Receive, send: Send, connection: Connection) -> None:
        self._receive = receive
        self._send = send
        self._connection = connection
        self._patience = TokenBucket(MESSAGES_AT_ONCE, MESSAGES_A_SECOND)

    async def run(self, places: Places) -> None:
        """Accept the socket, follow the streams and serve it until it closes."""
        try:
            code = await self._serve(places)
        except django.db.Error:  # the hub has reported it
            code = CloseCode.TRY_AGAIN
        finally:
            self._connection.leave()
        if code is not None:
            with suppress(OSError):  # how an ASGI server says that nobody is there
                await _close(self._send, code)

    async def _serve(self, places: Places) -> CloseCode | None:
        if not await self._connection.open():
            return CloseCode.SIGNED_OUT
        await self._send({"type": "websocket.accept"})
        await self._connection.subscribe(places)
        return await first_to_end(self._hear(), self._speak(), self._connection.watch())

    async def _hear(self) -> CloseCode | None:
        """Subscribe to what the client asks for; return when it is gone or asks for nonsense."""
        while (message := await self._receive())["type"] == "websocket.receive":
            if not self._patience.take():
                return CloseCode.TOO_MANY_MESSAGES
            try:
                await self._connection.subscribe(parse_subscription(message.get("text")))
            except RefusedError as error:
                return error.code
        return None

    async def _speak(self) -> None:
        """Send what is in the outbox; return when the client is gone."""
        while True:
            message = await self._connection.outbox.take()
            try:
                await self._send({"type": "websocket.send", "text": message.text})
            except OSError:  # as above
                return


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve the WebSockets of this site; the part of `asgi.py` that core brings."""
    await receive()  # the request to connect
    address = find_address(scope)
    if address not in _ADDRESSES:
        await _close(send, CloseCode.NO_SUCH_ADDRESS)
    elif not comes_from_here(scope):
        await _close(send, CloseCode.FOREIGN_ORIGIN)
    else:
        try:
            await _ADDRESSES[address](scope, receive, send)
        except django.db.Error:  # before the socket was accepted; after that it is told
            await _close(send, CloseCode.TRY_AGAIN)


async def serve_live(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve `ws/live/`."""
    await _serve(scope, receive, send, {})


async def serve_timer(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve `ws/timer/`."""
    positions = parse_qs(scope.get("query_string", b"").decode("latin1")).get("position")
    place = Position.parse(positions[-1]) if positions else None
    await _serve(scope, receive, send, {stream_of(scope["user"].pk): place})


async def _serve(scope: Scope, receive: Receive, send: Send, places: Places) -> None:
    if not scope["user"].is_authenticated:
        await _close(send, CloseCode.SIGNED_OUT)
        return
    connection = Connection(scope, open_hub())
    try:
        with lobby.admit(connection):
            await LiveSocket(receive, send, connection).run(places)
    except RefusedError as error:
        await send({"type": "websocket.accept"})  # else a browser would not be told why
        await _close(send, error.code)


async def _close(send: Send, code: CloseCode) -> None:
    await send({"type": "websocket.close", "code": code})


_ADDRESSES = {"/ws/live/": signed_in(serve_live), "/ws/timer/": signed_in(serve_timer)}
