"""The event streams as a client reads them, in this process, on both databases."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from types import SimpleNamespace
from typing import TYPE_CHECKING

import django.db
import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.signals import user_logged_out
from django.contrib.sessions.backends.db import SessionStore

from live_clients import StreamClient, make_person, open_session, position, publish
from real_databases import BOTH_DATABASES
from workstate.core import live
from workstate.core.live import connection, log_reader
from workstate.core.live.hub import _hubs
from workstate.core.live.requests import EVENT_STREAM_LIMIT
from workstate.core.live.socket_codes import CloseCode

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

pytestmark = [BOTH_DATABASES, pytest.mark.usefixtures("hub", "jobs_may_be_followed")]


@pytest.fixture
async def client(session_key) -> AsyncIterator[StreamClient]:
    client = StreamClient("job:a=", session_key)
    await client.open()
    await client.hear()
    yield client
    await client.disconnect()


async def test_event_reaches_the_client_with_its_position(client):
    event = await publish("job:a", "job.progressed", {"done": 1})
    place = f"{event.epoch}:{event.offset}"
    assert await client.hear() == {
        "stream": "job:a",
        "type": "job.progressed",
        "data": {"done": 1},
        "position": place,
    }
    assert client.last_id == f"job:a={place}"


async def test_nothing_on_the_way_may_hold_back_or_keep_the_answer(client):
    assert client.headers == {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-store, no-transform",
        "x-accel-buffering": "no",
        "x-content-type-options": "nosniff",
    }


async def test_clients_are_told_different_times_to_come_back_after(session_key):
    times = set()
    for _ in range(5):
        client = StreamClient("", session_key)
        times.add(await client.open())
        await client.disconnect()
    assert len(times) > 1
    assert all(1_000 <= time <= 5_000 for time in times)


async def test_client_that_asks_for_nothing_follows_its_own_stream(person, session_key):
    client = StreamClient("", session_key)
    await client.open()
    assert (await client.hear())["stream"] == f"user:{person.pk}"
    await publish(f"user:{person.pk}", "timer.started", {})
    assert (await client.hear())["type"] == "timer.started"
    await client.disconnect()


async def test_client_that_comes_back_gets_what_it_missed_in_every_stream(session_key):
    client = StreamClient("job:a=&job:b=", session_key)
    await client.open()
    assert {(await client.hear())["stream"] for _ in range(2)} == {"job:a", "job:b"}
    await publish("job:a", "job.progressed", {"done": 1})
    await client.hear()
    await client.disconnect()
    for number in (2, 3):
        await publish("job:a", "job.progressed", {"done": number})
        await publish("job:b", "job.progressed", {"done": number})
    back = StreamClient("job:a=&job:b=", session_key, last_event_id=client.last_id)
    await back.open()
    heard = [await back.hear() for _ in range(6)]
    assert [each["data"]["done"] for each in heard if each["stream"] == "job:a" and "data" in each] == [2, 3]
    assert [each["data"]["done"] for each in heard if each["stream"] == "job:b" and "data" in each] == [2, 3]
    assert [each["recovered"] for each in heard if "recovered" in each] == [True, True]
    await back.disconnect()


async def test_client_that_was_cut_off_in_a_replay_goes_on_within_it(session_key):
    place = await position("job:a")
    for number in range(3):
        await publish("job:a", "job.progressed", {"done": number})
    cut_off = StreamClient(f"job:a={place}", session_key)
    await cut_off.open()
    assert (await cut_off.hear())["data"] == {"done": 0}
    await cut_off.disconnect()
    back = StreamClient(f"job:a={place}", session_key, last_event_id=cut_off.last_id)
    await back.open()
    assert [(await back.hear())["data"]["done"] for _ in range(2)] == [1, 2]
    assert (await back.hear())["recovered"] is True
    await back.disconnect()


async def test_client_from_another_epoch_is_told_to_reload_and_goes_on(session_key):
    await publish("job:a", "job.progressed", {"done": 1})
    client = StreamClient("job:a=gone:12", session_key)
    await client.open()
    assert await client.hear() == {"stream": "job:a", "recovered": False, "position": await position("job:a")}
    await publish("job:a", "job.progressed", {"done": 2})
    assert (await client.hear())["data"] == {"done": 2}
    await client.disconnect()


async def test_stream_that_the_person_may_not_follow_is_refused(session_key):
    client = StreamClient("job:secret=&job:a=", session_key)
    await client.open()
    assert await client.hear() == {"stream": "job:secret", "refused": True}
    await client.hear()
    assert client.last_id == f"job:a={await position('job:a')}"
    await client.disconnect()


async def test_lost_right_ends_that_stream_and_leaves_the_others(person, session_key, let_follow_jobs):
    client = StreamClient("job:a=&job:b=", session_key)
    await client.open()
    await client.hear()
    await client.hear()
    let_follow_jobs(lambda task_id: task_id == "b")
    await sync_to_async(live.report_rights_changed)(person.pk)
    assert await client.hear() == {"stream": "job:a", "refused": True}
    assert client.last_id == f"job:b={await position('job:b')}"
    await publish("job:a", "job.progressed", {})
    await publish("job:b", "job.progressed", {})
    assert (await client.hear())["stream"] == "job:b"
    await client.disconnect()


async def test_logging_out_ends_the_response_and_the_next_is_refused(person, session_key, client):
    request = SimpleNamespace(session=SessionStore(session_key))
    await sync_to_async(user_logged_out.send)(sender=type(person), request=request, user=person)
    assert await client.hear_close() == CloseCode.SIGNED_OUT
    await SessionStore(session_key).adelete()
    assert await StreamClient("", session_key).connect() == HTTPStatus.UNAUTHORIZED


async def test_stranger_is_refused():
    assert await StreamClient().connect() == HTTPStatus.UNAUTHORIZED
    assert await StreamClient("", "no-such-session-key-0000000000000").connect() == HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"host": "evil.example"},
    ],
)
async def test_foreign_page_is_refused(session_key, headers):
    assert await StreamClient("", session_key, **headers).connect() == HTTPStatus.FORBIDDEN


async def test_page_of_this_site_is_let_in(session_key):
    for headers in ({"sec_fetch_site": "same-origin"}, {"origin": "http://localhost"}):
        client = StreamClient("", session_key, **headers)
        await client.open()
        await client.disconnect()


@pytest.mark.parametrize("query", ["=", "x" * 128 + "=", "%00=", "&".join(f"job:{n}=" for n in range(30))])
async def test_nonsense_is_refused(session_key, query):
    assert await StreamClient(query, session_key).connect() == HTTPStatus.BAD_REQUEST


async def test_as_many_streams_as_the_limit_are_followed(session_key):
    client = StreamClient("&".join(f"job:{number}=" for number in range(EVENT_STREAM_LIMIT)), session_key)
    await client.open()
    for _ in range(EVENT_STREAM_LIMIT):
        assert (await client.hear())["recovered"] is True
    assert len(client.last_id) < 2_000
    await client.disconnect()


async def test_other_methods_are_refused(session_key):
    assert await StreamClient("", session_key, method="POST").connect() == HTTPStatus.METHOD_NOT_ALLOWED


async def test_silent_stream_gives_a_sign_of_life(client, monkeypatch):
    monkeypatch.setattr(connection, "HEARTBEAT_SECONDS", 0.05)
    second = StreamClient(
        "job:a=", await sync_to_async(open_session)(await sync_to_async(make_person)("b@example.com"))
    )
    await second.open()
    place = await second.hear()
    assert await second.hear() == {}
    assert second.last_id == f"job:a={place['position']}"
    await second.disconnect()


async def test_database_that_is_away_before_the_answer_is_said_so(session_key, monkeypatch):
    def fail(_places):
        raise django.db.OperationalError("gone fishing")

    monkeypatch.setattr(log_reader, "read_many", fail)
    assert await StreamClient("", session_key).connect() == HTTPStatus.SERVICE_UNAVAILABLE


async def test_database_that_goes_away_after_the_answer_ends_it(person, session_key, client, monkeypatch):
    async def fail(_scope):
        raise django.db.OperationalError("gone fishing")

    monkeypatch.setattr(connection, "find_signed_in_user", fail)
    await sync_to_async(live.report_rights_changed)(person.pk)
    assert await client.hear_close() == CloseCode.TRY_AGAIN


async def test_closed_stream_leaves_nothing_in_the_hub(session_key):
    client = StreamClient("job:a=", session_key)
    await client.open()
    await client.hear()
    await client.disconnect()
    hub = _hubs[asyncio.get_running_loop()]
    assert not hub._followers
    assert not hub._places
