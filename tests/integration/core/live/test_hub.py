"""The hub: one reading for all followers, nothing missed, nothing that stops it for good."""

from __future__ import annotations

import asyncio
import logging
import threading
from datetime import timedelta

import django.db
import pytest
from asgiref.sync import sync_to_async
from django.db import transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from live_clients import position, publish
from real_databases import BOTH_DATABASES
from workstate.core import live
from workstate.core.live import log_reader
from workstate.core.live.hub import Hub, open_hub, stop_hub
from workstate.core.live.models import Event
from workstate.core.live.outbox import Outbox
from workstate.core.live.positions import Position
from workstate.core.live.pruning import prune_events
from workstate.core.live.reading import REPLAY_LIMIT

pytestmark = BOTH_DATABASES

PATIENCE_SECONDS = 60


@sync_to_async
@transaction.atomic
def publish_at_once(stream: str, count: int) -> None:
    for _ in range(count):
        live.publish(stream, "thing.happened", {})


class Listener:
    """A follower that keeps what it was told."""

    def __init__(self) -> None:
        self.offsets: list[int] = []
        self.was_lost = False
        self._heard = asyncio.Event()

    def begin(self, bulletin):
        self.receive(bulletin)

    def receive(self, bulletin):
        self.offsets += [frame.event.offset for frame in bulletin.frames if frame.event.offset not in self.offsets]
        self.was_lost = self.was_lost or not bulletin.recovered
        self._heard.set()

    async def wait_for(self, offset: int) -> None:
        await self.wait_until(lambda: offset in self.offsets)

    async def wait_until(self, condition) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not condition():
                self._heard.clear()
                await self._heard.wait()


async def test_followers_of_a_stream_hear_of_it_and_others_do_not(hub):
    here, there = Listener(), Listener()
    await hub.follow(here, "user:1", None)
    await hub.follow(there, "user:2", None)
    await publish("user:1", "thing.happened", {})
    await here.wait_for(1)
    assert there.offsets == []


async def test_follower_further_back_hears_all_and_others_go_on(hub):
    place = Position.parse(await position("user:1"))
    first, second = Listener(), Listener()
    await publish("user:1", "thing.happened", {})
    await hub.follow(first, "user:1", None)
    await hub.follow(second, "user:1", place)
    await publish("user:1", "thing.happened", {})
    await first.wait_for(2)
    await second.wait_for(2)
    assert (first.offsets, second.offsets) == ([2], [1, 2])


async def test_who_joins_while_events_pour_in_misses_none(hub):
    place = Position.parse(await position("user:1"))
    count = 60

    async def pour() -> None:
        for _ in range(count):
            await publish("user:1", "thing.happened", {})

    pouring = asyncio.ensure_future(pour())
    listeners = []
    while not pouring.done():
        listener = Listener()
        await hub.follow(listener, "user:1", place)
        listeners.append(listener)
        await asyncio.sleep(0.005)
    await pouring
    for listener in listeners:
        await listener.wait_for(count)
        assert listener.offsets == list(range(1, count + 1))
        assert not listener.was_lost


async def test_who_left_hears_no_more(hub):
    gone, here = Listener(), Listener()
    await hub.follow(gone, "user:1", None)
    await hub.follow(here, "user:1", None)
    hub.leave(gone, "user:1")
    hub.leave(gone, "user:1")
    hub.leave(gone, "user:2")
    await publish("user:1", "thing.happened", {})
    await here.wait_for(1)
    assert gone.offsets == []


async def test_follower_that_does_not_read_holds_up_nobody(hub):
    slow, quick = Outbox(limit=20), Listener()
    await hub.follow(slow, "user:1", None)
    await hub.follow(quick, "user:1", None)
    for _ in range(50):
        await publish("user:1", "thing.happened", {})
    await quick.wait_for(50)
    assert quick.offsets == list(range(1, 51))
    messages = [await slow.take() for _ in range(len(slow._messages))]
    assert '"recovered":false' in messages[0].text


async def test_history_that_ran_away_is_told_as_lost(hub):
    listener = Listener()
    await hub.follow(listener, "user:1", None)
    await publish_at_once("user:1", REPLAY_LIMIT + 1)
    await listener.wait_until(lambda: listener.was_lost)
    await publish("user:1", "thing.happened", {})
    await listener.wait_for(REPLAY_LIMIT + 2)
    assert listener.offsets == [REPLAY_LIMIT + 2]


async def test_hub_rides_out_a_database_that_is_away(hub, monkeypatch, caplog):
    caplog.set_level(logging.INFO)
    monkeypatch.setattr("workstate.core.live.hub.RETRY_SECONDS", 0.05)
    listener = Listener()
    await hub.follow(listener, "user:1", None)
    failing = threading.Event()
    failing.set()
    failed = threading.Event()
    read_many = log_reader.read_many

    def fail_or_read(places):
        if failing.is_set():
            failed.set()
            raise django.db.OperationalError("gone fishing")
        return read_many(places)

    monkeypatch.setattr(log_reader, "read_many", fail_or_read)
    await publish("user:1", "thing.happened", {})
    assert await asyncio.to_thread(failed.wait, PATIENCE_SECONDS)
    with pytest.raises(django.db.OperationalError):
        await hub.follow(Listener(), "user:2", None)
    failing.clear()
    await listener.wait_for(1)
    assert caplog.text.count("The event log is away: gone fishing") == 1
    assert caplog.text.count("The event log is back") == 1


async def test_idle_looks_cost_one_query_on_sqlite(hub, database):
    if database.vendor != "sqlite":
        pytest.skip("PostgreSQL rings for events alone")
    listener = Listener()
    await hub.follow(listener, "user:1", None)
    await publish("user:1", "thing.happened", {})
    await listener.wait_for(1)

    def look() -> int:
        connection = django.db.connections["default"]
        hub._reader.read_if_news(hub._places)
        with CaptureQueriesContext(connection) as queries:
            hub._reader.read_if_news(hub._places)
        return len(queries)

    assert await asyncio.get_running_loop().run_in_executor(hub._thread, look) == 1


def test_stopped_hub_leaves_no_thread(database):
    before = set(threading.enumerate())

    async def follow_and_stop() -> None:
        hub = open_hub()
        assert open_hub() is hub
        await hub.follow(Listener(), "user:1", None)
        await stop_hub()
        await stop_hub()

    asyncio.run(follow_and_stop())
    ours = [thread for thread in set(threading.enumerate()) - before if "workstate" in thread.name]
    for thread in ours:
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


def test_hub_whose_loop_was_closed_ends_its_threads(database):
    async def follow() -> Hub:
        hub = open_hub()
        await hub.follow(Listener(), "user:1", None)
        return hub

    with asyncio.Runner() as runner:
        hub = runner.run(follow())
    (watcher,) = hub._watchers
    threads = [watcher._thread, *hub._thread._threads]
    watcher._tell()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


async def test_follower_whose_silent_stream_was_pruned_is_told_and_goes_on(hub):
    await publish("user:1", "thing.happened", {})
    listener = Listener()
    await hub.follow(listener, "user:1", None)
    await publish("user:2", "thing.happened", {})  # the newest event stays
    await sync_to_async(Event.objects.filter(stream="user:1").update)(created_at=timezone.now() - timedelta(days=2))
    await sync_to_async(prune_events)()
    await listener.wait_until(lambda: listener.was_lost)
    assert await sync_to_async(live.list_followed)(["user:1"]) == {"user:1"}
    listener.offsets.clear()
    await publish("user:1", "thing.happened", {})
    await listener.wait_for(1)
