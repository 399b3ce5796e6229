"""A hub follows what other processes publish as fast as they can."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from real_databases import BOTH_DATABASES
from workstate.core.live.hub import open_hub, stop_hub

if TYPE_CHECKING:
    from workstate.core.live.positions import Position

pytestmark = BOTH_DATABASES

PATIENCE_SECONDS = 60
WRITERS = 3
EVENTS_EACH = 150

WRITER = """
import django
django.setup()
from workstate.core import live
for number in range({count}):
    live.publish("organisation:1", "thing.happened", {{}})
"""


class Listener:
    def __init__(self) -> None:
        self.offsets: list[int] = []
        self.losses = 0
        self.place: Position | None = None
        self.heard = asyncio.Event()

    def begin(self, bulletin):
        self.place = bulletin.position

    def receive(self, bulletin):
        self.offsets += [frame.event.offset for frame in bulletin.frames]
        self.losses += not bulletin.recovered
        self.place = bulletin.position
        self.heard.set()


@pytest.fixture
async def hub(database):
    yield open_hub()
    await stop_hub()


async def test_follower_hears_every_event_in_order(hub, database):
    listener = Listener()
    await hub.follow(listener, "organisation:1", None)
    script = WRITER.format(count=EVENTS_EACH)
    environment = database.environment()
    writers = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", script, env=environment) for _ in range(WRITERS)
    ]
    async with asyncio.timeout(PATIENCE_SECONDS):
        while listener.place.offset < WRITERS * EVENTS_EACH:
            await listener.heard.wait()
            listener.heard.clear()
    assert [await writer.wait() for writer in writers] == [0] * WRITERS
    if not listener.losses:  # a hub that was held up for long may tell its followers to reload
        assert listener.offsets == list(range(1, WRITERS * EVENTS_EACH + 1))
    assert listener.offsets == sorted(set(listener.offsets))
