"""The ways to reach an audience that are compared; each brings its server, and says how it is asked and told."""

from __future__ import annotations

import base64
import os
import sys
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, ClassVar

from benchmarks import places, services
from benchmarks.audience.listeners import END_OF_HEAD, Request
from benchmarks.processes import Processes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STREAM = "organisation:1"
PEOPLE = 20
SETTINGS = "benchmarks.audience.settings"


class Stage:
    """Workstate over SQLite, by WebSocket."""

    label = "WebSocket, SQLite"
    notes = "the product's own application; one uvicorn process"
    records = "every event, gapless, replayed"
    application: ClassVar[str] = "workstate.project.asgi:application"
    opened: ClassVar[bytes] = b'"recovered":true'

    def variables(self, directory: Path) -> dict[str, str]:
        """Return what the server and this process read from the environment."""
        return {"DATABASE_URL": f"sqlite:///{directory / 'live.sqlite3'}", "REDIS_URL": ""}

    @contextmanager
    def database(self) -> Iterator[None]:
        """Have a database as long as this lasts."""
        yield

    def request(self, session: str, port: int) -> Request:
        """Return what one listener asks for."""
        return Request(_handshake("/ws/live/", session, port), _masked(f'{{"subscribe":{{"{STREAM}":null}}}}'))

    def tell(self, mark: str) -> None:
        """Commit an event."""
        from workstate.core import live  # Django is set up by now

        live.publish(STREAM, "bench.told", {"mark": mark})


class OverPostgreSQL(Stage):
    """Workstate over PostgreSQL."""

    label = "WebSocket, PostgreSQL"

    def variables(self, directory: Path) -> dict[str, str]:
        return {"DATABASE_URL": places.sample_database_url(), "REDIS_URL": ""}

    @contextmanager
    def database(self) -> Iterator[None]:
        services.create_sample_database()
        try:
            yield
        finally:
            services.drop_sample_database()


class OverRedis(OverPostgreSQL):
    """Workstate over PostgreSQL, hints by Redis as well."""

    label = "WebSocket, PostgreSQL and Redis"

    def variables(self, directory: Path) -> dict[str, str]:
        return super().variables(directory) | {"REDIS_URL": places.redis_url(0), "CELERY_BROKER_URL": "workstate://"}


class ByEventStream(Stage):
    """Workstate over SQLite, by server-sent events."""

    label = "event stream, SQLite"

    def request(self, session: str, port: int) -> Request:
        lines = [f"GET /live/events/?{STREAM}= HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Cookie: {_cookie(session)}"]
        return Request("\r\n".join([*lines, "", ""]).encode())


class PlainChannels(Stage):
    """Channels with channels_redis, beside a row in SQLite."""

    label = "plain Channels, channels_redis"
    notes = "a group, an AsyncWebsocketConsumer, AuthMiddlewareStack; a row is committed, then group_send"
    records = "nothing: sent once, dropped when a socket is away or slow"
    application = "benchmarks.audience.channels_peer:application"
    opened = END_OF_HEAD

    def request(self, session: str, port: int) -> Request:
        return Request(_handshake("/", session, port))

    def tell(self, mark: str) -> None:
        from benchmarks.audience.channels_peer import tell
        from workstate.core.live.models import Event

        Event.objects.create(
            stream=STREAM, epoch="bench", offset=int(mark), type="bench.told", data={}, created_at=_now()
        )
        tell({"mark": mark})


ALL: dict[str, type[Stage]] = {
    "live_sqlite": Stage,
    "live_postgresql": OverPostgreSQL,
    "live_redis": OverRedis,
    "live_stream": ByEventStream,
    "live_channels": PlainChannels,
}


def set_up(stage: Stage, directory: Path) -> list[str]:
    """Set Django up in this process, make tables and people; return their sessions."""
    os.environ.update({"DJANGO_SETTINGS_MODULE": SETTINGS, "WORKSTATE_DATA": str(directory / "data")})
    os.environ.update(stage.variables(directory))
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    return _sign_in_people()


def serve(stage: Stage, port: int, directory: Path) -> Processes:
    """Return the server, to be entered with `with`."""
    from workstate.web import serving

    uvicorn = [sys.executable, "-m", "uvicorn", stage.application, "--port", str(port), *serving.as_arguments()]
    return Processes([[*uvicorn, "--no-access-log", "--backlog", "4096"]], directory=directory, name="server")


def _sign_in_people() -> list[str]:
    from django.conf import settings
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY

    from workstate.apps.accounts.models import Membership, Organisation, User

    organisation = Organisation.objects.create(pk=1, name="Audience")
    store = import_module(settings.SESSION_ENGINE).SessionStore
    sessions = []
    for number in range(PEOPLE):
        person = User.objects.create_user(f"person{number}@example.com")
        Membership.objects.create(organisation=organisation, user=person)
        session = store()
        session[SESSION_KEY] = str(person.pk)
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = person.get_session_auth_hash()
        session.create()
        sessions.append(session.session_key)
    return sessions


def _handshake(path: str, session: str, port: int) -> bytes:
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        f"Origin: http://127.0.0.1:{port}",
        f"Cookie: {_cookie(session)}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def _masked(text: str) -> bytes:
    """Return a short text as a frame of a client, masked with zeros."""
    payload = text.encode()
    return bytes([0x81, 0x80 | len(payload), 0, 0, 0, 0]) + payload


def _cookie(session: str) -> str:
    from django.conf import settings

    return f"{settings.SESSION_COOKIE_NAME}={session}"


def _now() -> object:
    from django.utils import timezone

    return timezone.now()
