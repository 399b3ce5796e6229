"""Clients of the live sockets, for tests: in this process and over the network."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import TYPE_CHECKING, Any, Self

from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore

from workstate.core import live
from workstate.core.live import event_streams, sockets

if TYPE_CHECKING:
    from django.contrib.auth.models import AbstractBaseUser

PATIENCE_SECONDS = 10
ORIGIN = "http://localhost"

publish = sync_to_async(live.publish)
position = sync_to_async(live.position)


def make_person(email: str = "amina@example.com") -> AbstractBaseUser:
    """Make somebody; without a password, because hashing one takes long."""
    return get_user_model().objects.create_user(email)


def open_session(person: AbstractBaseUser) -> str:
    """Sign a person in; return the key of the session."""
    session = SessionStore()
    session[SESSION_KEY] = str(person.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
    session[HASH_SESSION_KEY] = person.get_session_auth_hash()
    session.create()
    return session.session_key


class Client:
    """A page's end of a socket that the application of this process serves.

    `channels.testing` has the like, and cannot be imported without Daphne and Twisted.
    """

    def __init__(
        self,
        address: str,
        session_key: str | None = None,
        *,
        origin: str | None = ORIGIN,
        address_of_client: str = "192.0.2.1",
    ) -> None:
        path, _, query = address.partition("?")
        headers = _headers(session_key, origin=origin)
        scope = {
            "type": "websocket",
            "scheme": "ws",
            "path": path,
            "query_string": query.encode(),
            "headers": headers,
            "client": [address_of_client, 50_000],
        }
        self._application = ApplicationCommunicator(sockets.application, scope)

    async def connect(self) -> tuple[bool, int | None]:
        """Ask to be let in; return whether it was, and else the code."""
        await self._application.send_input({"type": "websocket.connect"})
        answer = await self._receive()
        return answer["type"] == "websocket.accept", answer.get("code")

    async def open(self) -> None:
        """Connect and have it accepted."""
        accepted, code = await self.connect()
        assert accepted, code

    async def subscribe(self, **places: str | None) -> None:
        """Ask for streams; `job_a="…"` stands for `job:a`."""
        streams = {name.replace("_", ":", 1): place for name, place in places.items()}
        await self.send(text=json.dumps({"subscribe": streams}))

    async def send(self, *, text: str | None = None, binary: bytes | None = None) -> None:
        """Send a message of either kind."""
        await self._application.send_input({"type": "websocket.receive", "text": text, "bytes": binary})

    async def hear(self) -> dict[str, Any]:
        """Wait for the next message."""
        answer = await self._receive()
        assert answer["type"] == "websocket.send", answer
        return json.loads(answer["text"])

    async def hear_nothing(self, seconds: float) -> bool:
        """Tell whether nothing came for so long."""
        return await self._application.receive_nothing(seconds)

    async def hear_close(self) -> int:
        """Wait until it is closed and nobody serves it; return the code."""
        answer = await self._receive()
        assert answer["type"] == "websocket.close", answer
        await self._application.wait(PATIENCE_SECONDS)
        return answer["code"]

    async def disconnect(self) -> None:
        """Go away and wait until nobody serves it."""
        await self._application.send_input({"type": "websocket.disconnect", "code": 1000})
        await self._application.wait(PATIENCE_SECONDS)

    async def _receive(self) -> dict[str, Any]:
        return await self._application.receive_output(PATIENCE_SECONDS)


class StreamClient:
    """A reader of `/live/events/` that the application of this process serves."""

    def __init__(self, query: str = "", session_key: str | None = None, **headers: str) -> None:
        scope = {
            "type": "http",
            "method": headers.pop("method", "GET"),
            "scheme": "http",
            "path": "/live/events/",
            "query_string": query.encode(),
            "headers": _headers(session_key, **headers),
            "client": ["192.0.2.1", 50_000],
        }
        self._application = ApplicationCommunicator(event_streams.beside(_no_pages), scope)
        self.headers: dict[str, str] = {}
        self.last_id = ""

    async def connect(self) -> int:
        """Ask for the stream; return the status."""
        await self._application.send_input({"type": "http.request"})
        answer = await self._application.receive_output(PATIENCE_SECONDS)
        self.headers = {name.decode(): value.decode() for name, value in answer["headers"]}
        return answer["status"]

    async def open(self) -> int:
        """Connect and have it accepted; return after how many milliseconds it would come back."""
        assert await self.connect() == 200
        return int((await self._take())["retry"])

    async def hear(self) -> dict[str, Any]:
        """Wait for the next message."""
        fields = await self._take()
        self.last_id = fields.get("id", self.last_id)
        return json.loads(fields["data"])

    async def hear_nothing(self, seconds: float) -> bool:
        """Tell whether nothing came for so long."""
        return await self._application.receive_nothing(seconds)

    async def hear_close(self) -> int:
        """Wait until it says why it ends, and until nobody serves it; return the code."""
        code = (await self.hear())["closed"]
        assert await self._application.receive_output(PATIENCE_SECONDS) == {"type": "http.response.body", "body": b""}
        await self._application.wait(PATIENCE_SECONDS)
        return code

    async def disconnect(self) -> None:
        """Go away and wait until nobody serves it."""
        await self._application.send_input({"type": "http.disconnect"})
        await self._application.wait(PATIENCE_SECONDS)

    async def _take(self) -> dict[str, str]:
        answer = await self._application.receive_output(PATIENCE_SECONDS)
        assert answer["more_body"], answer
        return parse_fields(answer["body"].decode())


class StreamReader:
    """A reader of an event stream over the network, as careful as an `EventSource` and no more."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.status = 0
        self.headers: dict[str, str] = {}
        self.last_id = ""

    @classmethod
    async def open(cls, port: int, query: str, session_key: str, *, receive_buffer: int = 0, **headers: str) -> Self:
        """Ask a server of this machine for a stream and read the head of its answer."""
        connection = socket.socket()
        if receive_buffer:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
        client = cls(*await asyncio.open_connection(sock=connection))
        given = _headers(session_key, host=f"127.0.0.1:{port}", accept_encoding="gzip", **headers)
        lines = [f"GET /live/events/?{query} HTTP/1.1".encode(), *(name + b": " + value for name, value in given)]
        client._writer.write(b"\r\n".join(lines) + b"\r\n\r\n")
        await client._read_head()
        return client

    async def hear(self) -> dict[str, Any]:
        """Wait for the next message; raises EOFError when the answer has ended."""
        while True:
            fields = parse_fields((await self._read_chunk()).decode())
            self.last_id = fields.get("id", self.last_id)
            if "data" in fields:
                return json.loads(fields["data"])

    def abort(self) -> None:
        """Be gone without a word."""
        self._writer.transport.abort()

    async def _read_head(self) -> None:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        self.status = int(head[0].split()[1])
        self.headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)

    async def _read_chunk(self) -> bytes:
        size = int(await self._reader.readline() or b"0", 16)
        if not size:
            self.abort()
            raise EOFError
        return (await self._reader.readexactly(size + 2))[:-2]


def parse_fields(text: str) -> dict[str, str]:
    """Read one message of an event stream."""
    assert text.endswith("\n\n"), text
    return dict(line.split(": ", 1) for line in text.splitlines() if line)


async def _no_pages(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def _headers(session_key: str | None, **headers: str | None) -> list[tuple[bytes, bytes]]:
    if session_key:
        headers["cookie"] = f"{settings.SESSION_COOKIE_NAME}={session_key}"
    given = {"host": "localhost"} | headers
    return [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items() if value]


def parse(message: str | bytes) -> dict[str, Any]:
    """Read what a server sent."""
    return json.loads(message)
