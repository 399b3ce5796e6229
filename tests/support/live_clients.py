"""Clients of the live sockets, for tests: in this process and over the network."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore

from workstate.core import live
from workstate.core.live.sockets import application

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

    def __init__(self, address: str, session_key: str | None = None, *, origin: str | None = ORIGIN) -> None:
        path, _, query = address.partition("?")
        headers = [(b"host", b"localhost")]
        if session_key:
            headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={session_key}".encode()))
        if origin:
            headers.append((b"origin", origin.encode()))
        scope = {"type": "websocket", "scheme": "ws", "path": path, "query_string": query.encode(), "headers": headers}
        self._application = ApplicationCommunicator(application, scope)

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


def parse(message: str | bytes) -> dict[str, Any]:
    """Read what a server sent."""
    return json.loads(message)
