"""The sockets over the network: a real uvicorn, another process that publishes, a real client."""

from __future__ import annotations

import asyncio
import json
import signal
import statistics
import time
from typing import TYPE_CHECKING

import psutil
import pytest
from asgiref.sync import sync_to_async
from django.db import transaction
from websockets.exceptions import ConnectionClosed, InvalidStatus

from live_clients import StreamReader, position, publish
from live_servers import Server, serve
from real_databases import BOTH_DATABASES
from workbench.waiting import wait_until
from workstate.core import live
from workstate.core.live.requests import MESSAGE_LIMIT_CHARACTERS
from workstate.core.live.socket_codes import CloseCode
from workstate.web import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from websockets.asyncio.client import ClientConnection

    from real_databases import RealDatabase

pytestmark = BOTH_DATABASES

OBSERVED_BOUND_SECONDS = 0.1
DRAIN_SECONDS = 5
PATIENCE_SECONDS = 60
MUCH_TRANSACTIONS = 80
MUCH_EVENTS = 50
MUCH_BYTES = 4_000


@pytest.fixture
def server(database: RealDatabase, tmp_path: Path) -> Iterator[Server]:
    with serve(database, tmp_path) as server:
        yield server


async def hear(client: ClientConnection | StreamReader) -> dict:
    async with asyncio.timeout(PATIENCE_SECONDS):
        return await client.hear() if isinstance(client, StreamReader) else json.loads(await client.recv())


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
    with serve(database, tmp_path / "following") as following:
        async with following.open(f"/ws/timer/?position={place}", session_key) as client:
            assert [(await hear(client))["type"] for _ in range(2)] == ["timer.started", "timer.stopped"]
            assert (await hear(client))["recovered"] is True


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
    for _ in range(3):
        clients = [await server.open("/ws/timer/", session_key) for _ in range(10)]
        for client in clients:
            await hear(client)
        for client in clients:
            client.transport.abort()
    await asyncio.to_thread(wait_until, server.is_alone)
    assert "Traceback" not in server.process.log()


async def test_event_stream_tells_at_once_what_was_missed_and_what_comes(server, person, session_key):
    own = f"user:{person.pk}"
    place = await position(own)
    await publish(own, "timer.started", {"timer": 1})
    client = await StreamReader.open(server.port, f"{own}={place}", session_key)
    assert client.status == 200
    assert "content-encoding" not in client.headers
    assert (await hear(client))["data"] == {"timer": 1}
    assert (await hear(client))["recovered"] is True
    delays = []
    for number in range(30):
        await publish(own, "timer.stopped", {"timer": number})
        committed = time.monotonic()
        assert (await hear(client))["data"] == {"timer": number}
        delays.append(time.monotonic() - committed)
    assert statistics.median(delays) < OBSERVED_BOUND_SECONDS
    client.abort()


async def test_server_ends_its_event_streams_in_time_and_the_next_goes_on(
    server, person, session_key, database, tmp_path
):
    own = f"user:{person.pk}"
    clients = [await StreamReader.open(server.port, "", session_key) for _ in range(20)]
    for client in clients:
        await hear(client)
    asked = time.monotonic()
    server.process.send(signal.SIGTERM)
    for client in clients:
        assert await hear(client) == {"closed": 1012}
        with pytest.raises(EOFError):
            await hear(client)
    await asyncio.to_thread(server.process.wait, PATIENCE_SECONDS)
    assert time.monotonic() - asked < DRAIN_SECONDS
    assert "Traceback" not in server.process.log()
    await publish(own, "timer.started", {})
    with serve(database, tmp_path / "following") as following:
        client = await StreamReader.open(following.port, "", session_key, last_event_id=clients[0].last_id)
        assert (await hear(client))["type"] == "timer.started"
        client.abort()


@sync_to_async
def publish_much(stream: str) -> None:
    for _ in range(MUCH_TRANSACTIONS):
        with transaction.atomic():
            for _ in range(MUCH_EVENTS):
                live.publish(stream, "thing.happened", {"filling": "x" * MUCH_BYTES})


async def test_client_that_stops_reading_is_told_to_reload_and_costs_little(server, person, session_key):
    own = f"user:{person.pk}"
    process = psutil.Process(server.process.pid)
    slow = await StreamReader.open(server.port, "", session_key, receive_buffer=4096)
    async with server.open("/ws/timer/", session_key) as quick:
        await hear(quick)
        before = process.memory_info().rss
        await publish_much(own)
        head = await position(own)
        while (await hear(quick))["position"] != head:
            pass
        assert process.memory_info().rss - before < MUCH_TRANSACTIONS * MUCH_EVENTS * MUCH_BYTES / 2
    lost = False
    while (message := await hear(slow))["position"] != head:
        lost = lost or message.get("recovered") is False
    assert lost or message.get("recovered") is False
    slow.abort()


async def test_message_beyond_the_limit_is_not_even_read(server, session_key):
    async with server.open("/ws/live/", session_key) as client:
        await client.send("x" * (serving.MESSAGE_LIMIT_BYTES + 1))
        with pytest.raises(ConnectionClosed) as closed:
            await hear(client)
    assert closed.value.rcvd.code == CloseCode.TOO_LONG
    assert serving.MESSAGE_LIMIT_BYTES >= 4 * MESSAGE_LIMIT_CHARACTERS  # else the longest that may be sent is refused


async def test_readers_that_went_away_leave_no_places_taken(server, session_key):
    for _ in range(3):  # more than a person may have at once
        clients = [await StreamReader.open(server.port, "", session_key) for _ in range(20)]
        for client in clients:
            assert client.status == 200
            await hear(client)
            client.abort()
        await asyncio.to_thread(wait_until, server.is_alone)
    assert "Traceback" not in server.process.log()
