"""The sockets over the network: a real uvicorn, another process that publishes, a real client."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import statistics
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import psutil
import pytest
from django.conf import settings
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from live_clients import make_person, open_session, position, publish
from real_databases import BOTH_DATABASES
from workbench.processes import Process
from workbench.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from real_databases import RealDatabase

pytestmark = BOTH_DATABASES

OBSERVED_BOUND_SECONDS = 0.1
DRAIN_SECONDS = 5
PATIENCE_SECONDS = 60


class Server:
    """uvicorn, serving the product on a port of its own."""

    def __init__(self, database: RealDatabase, directory: Path) -> None:
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = [
            *(sys.executable, "-m", "uvicorn", "workstate.project.asgi:application", "--port", str(self.port)),
            *("--ws", "websockets-sansio", "--ws-per-message-deflate", "false"),
        ]
        environment = database.environment() | {"SECRET_KEY": settings.SECRET_KEY}
        self.process = Process("web", command, environment=environment, directory=directory)

    def wait_ready(self) -> None:
        wait_until(lambda: "Uvicorn running" in self.process.log() or self.process.returncode is not None, timeout=30)
        assert self.process.returncode is None, self.process.log()

    def open(self, path: str, session_key: str | None, *, origin: str | None = None) -> connect:
        cookies = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={session_key}"} if session_key else {}
        return connect(
            f"ws://127.0.0.1:{self.port}{path}",
            origin=origin or f"http://127.0.0.1:{self.port}",
            additional_headers=cookies,
            compression=None,
        )


@pytest.fixture
def server(database: RealDatabase, tmp_path: Path) -> Iterator[Server]:
    server = Server(database, tmp_path)
    try:
        server.wait_ready()
        yield server
    finally:
        server.process.end_group()


@pytest.fixture
def person(database: RealDatabase):
    return make_person()


@pytest.fixture
def session_key(person) -> str:
    return open_session(person)


async def hear(client: ClientConnection) -> dict:
    return json.loads(await asyncio.wait_for(client.recv(), PATIENCE_SECONDS))


async def test_strangers_and_foreign_pages_get_no_socket(server, session_key):
    for attempt in (
        server.open("/ws/timer/", None),
        server.open("/ws/timer/", session_key, origin="http://evil.example"),
        server.open("/ws/nowhere/", session_key),
    ):
        with pytest.raises(InvalidStatus) as refusal:
            await attempt
        assert refusal.value.response.status_code == 403
    assert "Traceback" not in server.process.log()


async def test_client_gets_what_it_missed_and_what_comes_within_the_bound(server, person, session_key):
    own = f"user:{person.pk}"
    place = await position(own)
    await publish(own, "timer.started", {"timer": 1})
    async with server.open(f"/ws/timer/?position={place}", session_key) as client:
        assert (await hear(client))["data"] == {"timer": 1}
        assert (await hear(client))["recovered"] is True
        delays = []
        for number in range(30):
            await publish(own, "timer.stopped", {"timer": number})
            committed = time.monotonic()
            assert (await hear(client))["data"] == {"timer": number}
            delays.append(time.monotonic() - committed)
    assert statistics.median(delays) < OBSERVED_BOUND_SECONDS


async def test_client_whose_server_was_killed_goes_on_at_the_next(server, person, session_key, database, tmp_path):
    own = f"user:{person.pk}"
    async with server.open("/ws/timer/", session_key) as client:
        place = (await hear(client))["position"]
        server.process.kill()
        with pytest.raises(ConnectionClosed):
            await hear(client)
    await publish(own, "timer.started", {})
    await publish(own, "timer.stopped", {})
    (tmp_path / "following").mkdir()
    following = Server(database, tmp_path / "following")
    try:
        following.wait_ready()
        async with following.open(f"/ws/timer/?position={place}", session_key) as client:
            assert [(await hear(client))["type"] for _ in range(2)] == ["timer.started", "timer.stopped"]
            assert (await hear(client))["recovered"] is True
    finally:
        following.process.end_group()


async def test_server_with_open_sockets_ends_in_time_and_tells_them(server, session_key):
    clients = [await server.open("/ws/timer/", session_key) for _ in range(20)]
    for client in clients:
        await hear(client)
    asked = time.monotonic()
    server.process.send(signal.SIGTERM)
    for client in clients:
        with pytest.raises(ConnectionClosed) as closed:
            await hear(client)
        assert closed.value.rcvd.code == 1012
    await asyncio.to_thread(server.process.wait, PATIENCE_SECONDS)
    assert time.monotonic() - asked < DRAIN_SECONDS
    assert "Traceback" not in server.process.log()
    assert "Application shutdown complete" in server.process.log()


async def test_sockets_that_went_away_leave_no_connections_behind(server, session_key):
    process = psutil.Process(server.process.pid)
    for _ in range(3):
        clients = [await server.open("/ws/timer/", session_key) for _ in range(10)]
        for client in clients:
            await hear(client)
        for client in clients:
            client.transport.abort()

    def is_alone() -> bool:
        return not [each for each in process.net_connections() if each.raddr and each.laddr.port == server.port]

    await asyncio.to_thread(wait_until, is_alone)
    assert "Traceback" not in server.process.log()
