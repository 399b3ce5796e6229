"""The sockets as a page sees them, in this process, on both databases."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING

import django.db
import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.signals import user_logged_out
from django.contrib.sessions.backends.db import SessionStore

from live_clients import Client, make_person, open_session, parse, position, publish
from real_databases import BOTH_DATABASES
from workstate.core import live
from workstate.core.live import connection, handshake, sessions, sockets
from workstate.core.live.hub import _hubs
from workstate.core.live.models import Stream
from workstate.core.live.requests import STREAM_LIMIT
from workstate.core.live.socket_codes import CloseCode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = [BOTH_DATABASES, pytest.mark.usefixtures("hub", "jobs_may_be_followed")]


@pytest.fixture
async def client(session_key) -> AsyncIterator[Client]:
    client = Client("/ws/live/", session_key)
    await client.open()
    yield client
    await client.disconnect()


async def test_event_reaches_the_client_with_its_position(client):
    await client.subscribe(job_a=None)
    assert await client.hear() == {"stream": "job:a", "recovered": True, "position": await position("job:a")}
    event = await publish("job:a", "job.progressed", {"done": 1})
    assert await client.hear() == {
        "stream": "job:a",
        "type": "job.progressed",
        "data": {"done": 1},
        "position": f"{event.epoch}:{event.offset}",
    }


async def test_client_that_comes_back_gets_what_it_missed_in_order(client):
    place = await position("job:a")
    for number in range(3):
        await publish("job:a", "job.progressed", {"done": number})
    await client.subscribe(job_a=place)
    assert [(await client.hear())["data"]["done"] for _ in range(3)] == [0, 1, 2]
    assert (await client.hear())["recovered"] is True


async def test_client_from_another_epoch_is_told_to_reload_and_goes_on(client):
    await publish("job:a", "job.progressed", {"done": 1})
    await client.subscribe(job_a="gone:12")
    assert await client.hear() == {"stream": "job:a", "recovered": False, "position": await position("job:a")}
    await publish("job:a", "job.progressed", {"done": 2})
    assert (await client.hear())["data"] == {"done": 2}


async def test_stream_that_the_person_may_not_follow_is_refused_and_not_made(client):
    await client.subscribe(job_secret=None, user_999999=None, unknown_1=None)
    refused = [await client.hear() for _ in range(3)]
    assert sorted(message["stream"] for message in refused) == ["job:secret", "unknown:1", "user:999999"]
    assert all(message["refused"] for message in refused)
    assert not await Stream.objects.filter(name="job:secret").aexists()


async def test_timer_socket_follows_the_persons_own_stream_at_once(person, session_key):
    place = await position(f"user:{person.pk}")
    await publish(f"user:{person.pk}", "timer.started", {})
    client = Client(f"/ws/timer/?position={place}", session_key)
    await client.open()
    assert (await client.hear())["type"] == "timer.started"
    assert (await client.hear())["recovered"] is True
    await publish(f"user:{person.pk}", "timer.stopped", {})
    assert (await client.hear())["type"] == "timer.stopped"
    await client.disconnect()


async def test_timer_socket_without_a_position_begins_now(person, session_key):
    await publish(f"user:{person.pk}", "timer.started", {})
    client = Client("/ws/timer/", session_key)
    await client.open()
    assert (await client.hear())["recovered"] is True
    await client.disconnect()


async def test_other_people_hear_nothing_of_it(person, client):
    other = await sync_to_async(make_person)("other@example.com")
    other_client = Client("/ws/timer/", await sync_to_async(open_session)(other))
    await other_client.open()
    await other_client.hear()
    await publish(f"user:{person.pk}", "timer.started", {})
    assert await other_client.hear_nothing(0.3)
    await other_client.disconnect()


@pytest.mark.parametrize("path", ["/ws/live/", "/ws/timer/"])
async def test_stranger_is_refused_at_the_handshake(path):
    assert await Client(path).connect() == (False, CloseCode.SIGNED_OUT)
    assert await Client(path, "no-such-session-key-0000000000000").connect() == (False, CloseCode.SIGNED_OUT)


@pytest.mark.parametrize("origin", ["http://evil.example", "https://localhost", "http://localhost:8001", "null", None])
async def test_foreign_page_is_refused_at_the_handshake(session_key, origin):
    client = Client("/ws/live/", session_key, origin=origin)
    assert await client.connect() == (False, CloseCode.FOREIGN_ORIGIN)


async def test_database_that_is_away_at_the_handshake_is_said_so(session_key, monkeypatch):
    async def fail(_scope):
        raise django.db.OperationalError("gone fishing")

    monkeypatch.setattr(handshake, "get_user", fail)
    assert await Client("/ws/live/", session_key).connect() == (False, CloseCode.TRY_AGAIN)


async def test_unknown_address_is_refused(session_key):
    assert await Client("/ws/other/", session_key).connect() == (False, CloseCode.NO_SUCH_ADDRESS)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("nonsense", CloseCode.BAD_MESSAGE),
        ('{"subscribe": 5}', CloseCode.BAD_MESSAGE),
        ("x" * 100_000, CloseCode.TOO_LONG),
    ],
)
async def test_nonsense_closes_the_socket(session_key, text, code):
    client = Client("/ws/live/", session_key)
    await client.open()
    await client.send(text=text)
    assert await client.hear_close() == code


async def test_binary_message_closes_the_socket(session_key):
    client = Client("/ws/live/", session_key)
    await client.open()
    await client.send(binary=b"\0")
    assert await client.hear_close() == CloseCode.BINARY_MESSAGE


async def test_too_many_streams_close_the_socket(session_key):
    client = Client("/ws/live/", session_key)
    await client.open()
    await client.subscribe(**{f"job_{number}": None for number in range(STREAM_LIMIT)})
    for _ in range(STREAM_LIMIT):
        assert (await client.hear())["recovered"] is True
    await client.subscribe(job_more=None)
    assert await client.hear_close() == CloseCode.TOO_MANY_STREAMS


async def test_client_that_talks_without_end_is_closed(session_key):
    client = Client("/ws/live/", session_key)
    await client.open()
    for _ in range(sockets.MESSAGES_AT_ONCE + 10):
        await client.send(text='{"subscribe": {}}')
    assert await client.hear_close() == CloseCode.TOO_MANY_MESSAGES


async def test_logging_out_closes_the_sessions_sockets_and_no_other(person, session_key):
    here, elsewhere = Client("/ws/live/", session_key), Client("/ws/live/", await sync_to_async(open_session)(person))
    await here.open()
    await elsewhere.open()
    request = SimpleNamespace(session=SessionStore(session_key))
    await sync_to_async(user_logged_out.send)(sender=type(person), request=request, user=person)
    assert await here.hear_close() == CloseCode.SIGNED_OUT
    await elsewhere.subscribe(job_a=None)
    assert (await elsewhere.hear())["recovered"] is True
    await elsewhere.disconnect()


async def test_changing_the_password_closes_every_socket(person, session_key):
    client = Client("/ws/timer/", session_key)
    await client.open()
    await client.hear()
    person.set_unusable_password()  # another one than before
    await person.asave()
    await sync_to_async(live.report_rights_changed)(person.pk)
    assert await client.hear_close() == CloseCode.SIGNED_OUT


async def test_lost_right_ends_that_stream_and_leaves_the_others(client, person, let_follow_jobs):
    await client.subscribe(job_a=None, job_b=None)
    await client.hear()
    await client.hear()
    let_follow_jobs(lambda task_id: task_id == "b")
    await sync_to_async(live.report_rights_changed)(person.pk)
    assert await client.hear() == {"stream": "job:a", "refused": True}
    await publish("job:a", "job.progressed", {})
    await publish("job:b", "job.progressed", {})
    assert (await client.hear())["stream"] == "job:b"


async def test_logout_during_the_handshake_is_noticed(person, session_key, monkeypatch):
    monkeypatch.setattr(sessions, "list_followed", lambda _streams: set())  # the log keeps silent
    client = Client("/ws/live/", session_key)

    async def log_out_first(scope):
        await SessionStore(session_key).adelete()
        return await find_signed_in_user(scope)

    find_signed_in_user = connection.find_signed_in_user
    monkeypatch.setattr(connection, "find_signed_in_user", log_out_first)
    assert await client.connect() == (False, CloseCode.SIGNED_OUT)


async def test_silent_socket_gives_a_sign_of_life(session_key, monkeypatch):
    monkeypatch.setattr(connection, "HEARTBEAT_SECONDS", 0.05)
    client = Client("/ws/live/", session_key)
    await client.open()
    assert await client.hear() == {}
    assert await client.hear() == {}
    await client.disconnect()


async def test_session_that_ended_unheard_is_noticed_in_time(session_key, monkeypatch):
    monkeypatch.setattr(connection, "HEARTBEAT_SECONDS", 0.05)
    monkeypatch.setattr(connection, "HEARTBEATS_IN_A_CHECK", 2)
    client = Client("/ws/live/", session_key)
    await client.open()
    await SessionStore(session_key).adelete()  # as when it expires, or the person is deactivated by hand
    assert await client.hear() == {}
    while (answer := await client._receive())["type"] == "websocket.send":
        assert parse(answer["text"]) == {}
    assert answer["code"] == CloseCode.SIGNED_OUT
    await client.disconnect()


async def test_closed_socket_leaves_nothing_in_the_hub(session_key):
    client = Client("/ws/timer/", session_key)
    await client.open()
    await client.hear()
    await client.disconnect()
    hub = _hubs[asyncio.get_running_loop()]
    assert not hub._followers
    assert not hub._places
