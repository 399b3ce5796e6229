"""Many processes publish while Redis dies again and again and clients come and go as they like.

`LIVE_STORM=full` makes it 10,000 events and 200 clients; without, it is small enough for every change.
`--log-cli-level INFO` shows what came of it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from asgiref.sync import sync_to_async

from live_clients import make_person, open_session
from live_followers import RestlessFollower
from live_servers import Server, serve
from real_databases import BOTH_DATABASES
from workstate.apps.accounts.models import Membership, Organisation
from workstate.core import live
from workstate.core.live.models import Event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from chaos.servers import RedisServer

    from real_databases import RealDatabase

logger = logging.getLogger(__name__)

pytestmark = [BOTH_DATABASES, pytest.mark.redis]

EVENTS, CLIENTS = (10_000, 200) if os.environ.get("LIVE_STORM") == "full" else (2_000, 60)
WRITERS = 4
PEOPLE = 10
ORGANISATIONS = 4
OUTAGES = ((0.15, 0.3), (0.4, 0.55), (0.65, 0.8))
"""From which part of the events to which Redis is away."""
LONGEST_STAY_SECONDS = CLIENTS / 60
"""However many they are, about a hundred a second come anew: the servers are to do more than shake hands."""
POLL_SECONDS = 0.05
PATIENCE_SECONDS = 300
SEED = 20261

#: Each transaction publishes to two streams, in their order; one of ten is rolled back.
WRITER = """
import random
import sys
import django
django.setup()
from django.db import transaction
from workstate.core import live

chance, count, streams = random.Random(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
while count > 0:
    undone = chance.random() < 0.1
    with transaction.atomic():
        for stream in sorted(chance.sample(streams, 2)):
            live.publish(stream, "thing.happened", {})
        transaction.set_rollback(undone)
    count -= 0 if undone else 2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Somebody:
    """A person, by a session, and the streams that they follow."""

    session_key: str
    streams: tuple[str, str]


@pytest.fixture
def people(database: RealDatabase) -> list[Somebody]:
    organisations = [Organisation.objects.create(name=f"Team {number}") for number in range(ORGANISATIONS)]
    people = []
    for number in range(PEOPLE):
        person, organisation = make_person(f"person{number}@example.com"), organisations[number % ORGANISATIONS]
        Membership.objects.create(user=person, organisation=organisation)
        streams = (f"user:{person.pk}", f"organisation:{organisation.pk}")
        people.append(Somebody(session_key=open_session(person), streams=streams))
    return people


@pytest.fixture
def servers(database: RealDatabase, redis_server: RedisServer, tmp_path: Path) -> Iterator[list[Server]]:
    with ExitStack() as stack:
        names = ("first", "second")
        redis = {"REDIS_URL": redis_server.url()}
        yield [stack.enter_context(serve(database, tmp_path / name, **redis)) for name in names]


async def write_all(database: RealDatabase, redis_server: RedisServer, streams: list[str]) -> None:
    environment = database.environment() | {"REDIS_URL": redis_server.url()}
    command = [sys.executable, "-c", WRITER]
    writers = [
        await asyncio.create_subprocess_exec(
            *command, str(SEED + number), str(EVENTS // WRITERS), *streams, env=environment
        )
        for number in range(WRITERS)
    ]
    assert [await writer.wait() for writer in writers] == [0] * WRITERS


async def strike_redis(redis_server: RedisServer) -> None:
    for begins, ends in OUTAGES:
        await wait_for_share(begins)
        await asyncio.to_thread(redis_server.kill)
        await wait_for_share(ends)
        await asyncio.to_thread(redis_server.start)


async def wait_for_share(share: float) -> None:
    while await Event.objects.acount() < share * EVENTS:  # noqa: ASYNC110  rows come from other processes
        await asyncio.sleep(POLL_SECONDS)


async def test_sequence_of_each_client_is_whole_or_it_was_told_to_reload(database, redis_server, servers, people):
    streams = sorted({stream for somebody in people for stream in somebody.streams})
    starts = {stream: await sync_to_async(live.position)(stream) for stream in streams}
    followers = [make_follower(number, people, starts, servers) for number in range(CLIENTS)]
    ended, heads = asyncio.Event(), {}
    began = time.monotonic()
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        for follower in followers:
            group.create_task(follower.run_until(ended, heads))
        await asyncio.gather(write_all(database, redis_server, streams), strike_redis(redis_server))
        heads.update({stream: await sync_to_async(live.position)(stream) for stream in streams})
        ended.set()
    seconds = time.monotonic() - began
    assert await Event.objects.acount() == EVENTS
    whole = sum(not reloads for follower in followers for reloads in follower.reloads.values())
    logger.info(
        "%s events, %s clients: %s connections, %s events heard, %s of %s sequences without a reload, %.1f s on %s",
        *(EVENTS, CLIENTS, sum(each.connections for each in followers), sum(each.events for each in followers)),
        *(whole, 2 * CLIENTS, seconds, database.vendor),
    )
    assert sum(follower.events for follower in followers) > EVENTS  # else all that it shows is that one can reload
    for server in servers:
        assert "Traceback" not in server.process.log(), server.process.log_tail()


def make_follower(
    number: int, people: list[Somebody], starts: dict[str, str], servers: list[Server]
) -> RestlessFollower:
    somebody = people[number % PEOPLE]
    places = {stream: starts[stream] for stream in somebody.streams}
    return RestlessFollower(
        places, somebody.session_key, servers, random.Random(SEED * number), longest_stay=LONGEST_STAY_SECONDS
    )
