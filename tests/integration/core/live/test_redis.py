"""The hub behind a pooler in transaction mode, through which no notification of PostgreSQL comes."""

from __future__ import annotations

import asyncio

import pytest

from live_clients import Client, publish
from real_databases import BOTH_DATABASES
from workstate.core import wakeup
from workstate.core.live.hub import open_hub, stop_hub
from workstate.core.wakeup import postgresql
from workstate.core.wakeup.redis import RedisWatcher

pytestmark = pytest.mark.redis

NEVER_SECONDS = 3600.0


@pytest.fixture
def with_redis(settings, redis_server):
    settings.WORKSTATE = {**settings.WORKSTATE, "LIVE_REDIS_URL": redis_server.url()}
    yield redis_server
    wakeup.close_notifiers()


@pytest.fixture
def no_notifications(monkeypatch):
    monkeypatch.setattr(postgresql.PostgreSQLCarrier, "send", lambda _carrier, _channels: None)


@pytest.mark.postgresql
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
async def test_redis_alone_wakes_the_hub_and_without_it_a_look_each_second_does(
    with_redis, no_notifications, monkeypatch, person, session_key
):
    monkeypatch.setattr(postgresql, "QUIET_SECONDS", NEVER_SECONDS)
    client = Client("/ws/timer/", session_key)
    await client.open()
    await client.hear()
    (_, watcher) = open_hub()._watchers
    for number in range(3):
        await publish(f"user:{person.pk}", "timer.started", {"number": number})
        assert (await client.hear())["data"] == {"number": number}
    monkeypatch.setattr(postgresql, "QUIET_SECONDS", 0.1)
    open_hub()._ring_from_watcher()
    await asyncio.to_thread(with_redis.kill)
    await client.disconnect()
    await stop_hub()
    client = Client("/ws/timer/", session_key)
    await client.open()
    await client.hear()
    await publish(f"user:{person.pk}", "timer.stopped", {})
    assert (await client.hear())["type"] == "timer.stopped"
    assert isinstance(watcher, RedisWatcher)
    await client.disconnect()
    await stop_hub()


@BOTH_DATABASES
async def test_redis_is_asked_only_where_it_is_needed(with_redis, hub, database):
    kinds = {type(watcher).__name__ for watcher in hub._watchers}
    assert kinds == ({"SQLiteWatcher"} if database.vendor == "sqlite" else {"PostgreSQLWatcher", "RedisWatcher"})
