"""Server-sent events: `GET /live/events/`, for browsers that have no WebSocket and programs that read a stream.

The query names the streams: `?user:7=<epoch:offset>&job:abc=`, each from its place, or from now on.
Without a query it is the person's own stream. Each `data:` line is a message as a WebSocket sends it,
with the same contract, `{}` every 25 s included. The `id:` beside it names the places in all streams,
in the form of the query; whoever comes back with it as `Last-Event-ID` goes on from there.

It is no view: no middleware holds back or compresses what is to arrive at once. Refused are strangers
(401), foreign pages (403), other methods (405), too many connections (429), nonsense (400). When the
session or the process ends the last message is `{"closed": <code>}`. An `EventSource` comes back by
itself after the time that `retry:` told it, spread so that not all come at once.
"""

from __future__ import annotations

import random
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import django.db

from workstate.core.live.bulletins import Message
from workstate.core.live.connection import Connection, first_to_end
from workstate.core.live.handshake import (
    Application,
    Receive,
    Scope,
    Send,
    find_address,
    find_header,
    is_read_from_here,
    signed_in,
)
from workstate.core.live.hub import open_hub
from workstate.core.live.lobby import lobby
from workstate.core.live.requests import Places, parse_query
from workstate.core.live.socket_codes import CloseCode, RefusedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from workstate.core.live.positions import Position

ADDRESS = "/live/events/"
RETRY_MILLISECONDS = (1_000, 5_000)
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store, no-transform"),
    (b"x-accel-buffering", b"no"),
    (b"x-content-type-options", b"nosniff"),
]
STATUSES = {
    CloseCode.BAD_MESSAGE: HTTPStatus.BAD_REQUEST,
    CloseCode.TOO_MANY_STREAMS: HTTPStatus.BAD_REQUEST,
    CloseCode.SIGNED_OUT: HTTPStatus.UNAUTHORIZED,
    CloseCode.FOREIGN_ORIGIN: HTTPStatus.FORBIDDEN,
    CloseCode.TOO_MANY_CONNECTIONS: HTTPStatus.TOO_MANY_REQUESTS,
    CloseCode.RESTARTING: HTTPStatus.SERVICE_UNAVAILABLE,
    CloseCode.TRY_AGAIN: HTTPStatus.SERVICE_UNAVAILABLE,
}


class EventStream:
    """One response that goes on until its session, its client or its process ends."""

    __slots__ = ("_connection", "_receive", "_send", "_told")

    def __init__(self, receive: Receive, send: Send, connection: Connection) -> None:
        self._receive = receive
        self._send = send
        self._connection = connection
        self._told: dict[str, Position] = {}

    async def run(self, places: Places) -> None:
        """Answer, follow the streams and serve the response until it ends.

        Raises RefusedError or `django.db.Error` before the answer, nothing after it has begun.
        """
        try:
            if not await self._connection.open():
                raise RefusedError(CloseCode.SIGNED_OUT)
            await self._answer()
            await self._finish(await self._serve(places))
        finally:
            self._connection.leave()

    async def _serve(self, places: Places) -> CloseCode | None:
        try:
            return await first_to_end(self._follow(places), self._speak(), self._connection.watch())
        except django.db.Error:  # the hub has reported it
            return CloseCode.TRY_AGAIN

    async def _answer(self) -> None:
        retry = random.randint(*RETRY_MILLISECONDS)  # noqa: S311  spreads load, guards nothing
        await self._send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": HEADERS})
        await self._write(f"retry: {retry}\n\n")

    async def _follow(self, places: Places) -> None:
        """Follow the streams; return when the client is gone."""
        await self._connection.subscribe(places)
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def _speak(self) -> None:
        """Send what is in the outbox; return when the client is gone."""
        while True:
            message = await self._connection.outbox.take()
            try:
                await self._write(self._render(message))
            except OSError:  # how an ASGI server says that nobody is there
                return

    def _render(self, message: Message) -> str:
        """Return the message with the places that are told once it has arrived."""
        if not message.stream:
            return f"data: {message.text}\n\n"
        if message.position is None:
            self._told.pop(message.stream, None)
        else:
            self._told[message.stream] = message.position
        places = "&".join(f"{quote(stream, safe=':')}={position}" for stream, position in self._told.items())
        return f"id: {places}\ndata: {message.text}\n\n"

    async def _finish(self, code: CloseCode | None) -> None:
        with suppress(OSError):  # as above
            if code is not None:
                await self._write(self._render(Message(f'{{"closed":{code}}}')))
            await self._send({"type": "http.response.body", "body": b""})

    async def _write(self, text: str) -> None:
        await self._send({"type": "http.response.body", "body": text.encode(), "more_body": True})


def beside(pages: Callable[[Any, Any, Any], Awaitable[None]]) -> Application:
    """Return the application that serves the event streams, and the pages at every other address."""
    serve_signed_in = signed_in(_serve)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if find_address(scope) != ADDRESS:
            await pages(scope, receive, send)
        elif scope["method"] != "GET":
            await _refuse(send, HTTPStatus.METHOD_NOT_ALLOWED)
        elif not is_read_from_here(scope):
            await _refuse(send, STATUSES[CloseCode.FOREIGN_ORIGIN])
        else:
            await _serve_or_refuse(serve_signed_in, scope, receive, send)

    return application


async def _serve_or_refuse(serve: Application, scope: Scope, receive: Receive, send: Send) -> None:
    try:
        await serve(scope, receive, send)
    except RefusedError as error:
        await _refuse(send, STATUSES[error.code])
    except django.db.Error:  # as above
        await _refuse(send, STATUSES[CloseCode.TRY_AGAIN])


async def _serve(scope: Scope, receive: Receive, send: Send) -> None:
    if not scope["user"].is_authenticated:
        raise RefusedError(CloseCode.SIGNED_OUT)
    connection = Connection(scope, open_hub())
    places = _find_places(scope, connection.own_stream)
    with lobby.admit(connection):
        await EventStream(receive, send, connection).run(places)


def _find_places(scope: Scope, own_stream: str) -> Places:
    """Return what the query asks for, from where the client says that it has come since."""
    asked = parse_query(scope.get("query_string", b"").decode("latin1")) or {own_stream: None}
    told = parse_query(find_header(scope, b"last-event-id"))
    return {stream: told.get(stream) or place for stream, place in asked.items()}


async def _refuse(send: Send, status: HTTPStatus) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": status.phrase.encode()})
