from __future__ import annotations

import asyncio
import json

from workstate.core.live.bulletins import Bulletin, Message, tell_refusal
from workstate.core.live.models import Event
from workstate.core.live.outbox import Outbox
from workstate.core.live.positions import Position
from workstate.core.live.reading import Reading


def bulletin(first: int, last: int, *, stream="user:1", epoch="e", type_="thing.happened") -> Bulletin:
    events = [
        Event(stream=stream, epoch=epoch, offset=offset, type=type_, data={}) for offset in range(first, last + 1)
    ]
    position = Position(epoch, last)
    return Bulletin.of(stream, Reading(events=events, position=position, recovered=True))


def outbox_at(offset: int, *, limit: int = 256) -> Outbox:
    outbox = Outbox(limit)
    outbox.begin(bulletin(offset + 1, offset))
    return outbox


async def taken(outbox: Outbox) -> list[dict]:
    messages = []
    while outbox._messages:
        messages.append(json.loads((await outbox.take()).text))
    return messages


async def test_replay_is_followed_by_where_the_client_stands():
    outbox = Outbox()
    outbox.begin(bulletin(1, 2))
    assert await taken(outbox) == [
        {"stream": "user:1", "type": "thing.happened", "data": {}, "position": "e:1"},
        {"stream": "user:1", "type": "thing.happened", "data": {}, "position": "e:2"},
        {"stream": "user:1", "recovered": True, "position": "e:2"},
    ]


async def test_bulletin_that_repeats_events_gives_only_the_new_ones():
    outbox = outbox_at(5)
    await taken(outbox)
    outbox.receive(bulletin(4, 7))
    outbox.receive(bulletin(6, 7))
    assert [message["position"] for message in await taken(outbox)] == ["e:6", "e:7"]


async def test_missing_event_is_told_as_not_recovered():
    outbox = outbox_at(5)
    await taken(outbox)
    outbox.receive(bulletin(8, 9))
    assert await taken(outbox) == [{"stream": "user:1", "recovered": False, "position": "e:9"}]
    outbox.receive(bulletin(10, 10))
    assert [message["position"] for message in await taken(outbox)] == ["e:10"]


async def test_new_epoch_is_told_as_not_recovered():
    outbox = outbox_at(5)
    await taken(outbox)
    outbox.receive(bulletin(1, 1, epoch="f"))
    assert await taken(outbox) == [{"stream": "user:1", "recovered": False, "position": "f:1"}]


async def test_control_events_are_not_for_clients():
    outbox = outbox_at(0)
    await taken(outbox)
    outbox.receive(bulletin(1, 1, type_="session.ended"))
    outbox.receive(bulletin(2, 2))
    assert [message["position"] for message in await taken(outbox)] == ["e:2"]


async def test_slow_client_is_told_to_reload_each_of_its_streams():
    outbox = outbox_at(0, limit=10)
    outbox.begin(bulletin(1, 0, stream="job:a"))
    outbox.receive(bulletin(1, 20))
    assert await taken(outbox) == [
        {"stream": "user:1", "recovered": False, "position": "e:20"},
        {"stream": "job:a", "recovered": False, "position": "e:0"},
    ]


async def test_client_that_never_reads_costs_no_more_than_the_limit():
    outbox = outbox_at(0, limit=10)
    for offset in range(1, 1000):
        outbox.receive(bulletin(offset, offset))
        assert len(outbox._messages) <= 10
    last = (await taken(outbox))[-1]
    assert last["position"] == "e:999"


async def test_taking_waits_for_what_comes():
    outbox = Outbox()
    taking = asyncio.ensure_future(outbox.take())
    await asyncio.sleep(0)
    assert not taking.done()
    outbox.put(Message("hello"))
    assert await taking == Message("hello")


async def test_stream_that_is_dropped_sends_no_more_of_what_is_queued():
    outbox = outbox_at(0)
    outbox.begin(bulletin(1, 2, stream="job:a"))
    outbox.drop("job:a")
    outbox.put(tell_refusal("job:a"))
    assert [message["stream"] for message in await taken(outbox)] == ["user:1", "job:a"]


async def test_slow_client_is_still_told_what_it_may_not_follow():
    outbox = outbox_at(0, limit=10)
    outbox.put(tell_refusal("job:a"))
    outbox.receive(bulletin(1, 20))
    assert await taken(outbox) == [
        {"stream": "user:1", "recovered": False, "position": "e:20"},
        {"stream": "job:a", "refused": True},
    ]


async def test_client_that_never_reads_and_is_refused_much_costs_no_more_than_twice_the_limit():
    outbox = outbox_at(0, limit=10)
    for number in range(1000):
        outbox.put(tell_refusal(f"job:{number}"))
        assert len(outbox._messages) <= 20
