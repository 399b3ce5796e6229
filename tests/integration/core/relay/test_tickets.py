"""Many tickets in one round trip, from a real Redis."""

from __future__ import annotations

import shutil

import pytest
from kombu import Connection, Consumer, Queue
from redis.exceptions import ResponseError

from workbench.lanes import RedisServer
from workstate.core.relay.intake import Arrival
from workstate.core.relay.tickets import TicketPuncher

pytestmark = pytest.mark.redis


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    if shutil.which("redis-server") is None:
        pytest.skip("redis-server is not installed")
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.close()


class Consuming:
    """A consumer of one queue, and the messages that reached it."""

    def __init__(self, url):
        self.connection = Connection(f"{url}/0", transport_options={"ack_emulation": False})
        self.channel = self.connection.channel()
        self.channel.client.flushdb()
        self.received = []
        self.consumer = Consumer(self.channel, [Queue("work")], on_message=self.received.append)
        self.consumer.consume()
        self.puncher = TicketPuncher(self.channel)

    def send(self, count, **properties):
        for number in range(count):
            self.connection.Producer(self.channel).publish({"number": number}, routing_key="work", **properties)

    def first(self):
        self.connection.drain_events(timeout=5)
        [message] = self.received
        return Arrival("work", message, lambda _: None)


@pytest.fixture
def consuming(server):
    consuming = Consuming(server.url)
    yield consuming
    consuming.puncher.close()
    consuming.connection.release()


def test_messages_beyond_the_first_arrive_as_if_they_had_been_consumed(consuming):
    consuming.send(5)
    consuming.puncher.pop_like([consuming.first()], limit=10)
    assert [message.payload["number"] for message in consuming.received] == [0, 1, 2, 3, 4]
    assert {message.delivery_info["routing_key"] for message in consuming.received} == {"work"}


def test_no_more_are_taken_than_there_is_room_for(consuming):
    consuming.send(5)
    arrival = consuming.first()
    assert consuming.puncher.room(3) == 2
    consuming.puncher.pop_like([arrival], limit=2)
    assert len(consuming.received) == 3
    assert consuming.puncher.room(3) == 0


def test_room_comes_back_as_messages_are_acknowledged(consuming):
    consuming.send(1)
    consuming.first().message.ack()
    assert consuming.puncher.room(3) == 3


def test_queue_of_the_priority_that_delivered_is_asked(consuming):
    consuming.send(3, priority=6)
    consuming.puncher.pop_like([consuming.first()], limit=10)
    assert len(consuming.received) == 3


def test_server_that_cannot_pop_many_is_asked_once(consuming, monkeypatch):
    consuming.send(3)
    arrival = consuming.first()
    asked = []

    def refuse(key, count):
        asked.append(key)
        raise ResponseError("wrong number of arguments for 'rpop' command")

    monkeypatch.setattr(consuming.puncher._connected(), "rpop", refuse)
    consuming.puncher.pop_like([arrival], limit=10)
    consuming.puncher.pop_like([arrival], limit=10)
    assert asked == ["work"]
    assert len(consuming.received) == 1


def test_silent_server_delays_the_loop_half_a_second_at_most(consuming):
    options = consuming.puncher._connected().connection_pool.connection_kwargs
    assert options["socket_timeout"] == 0.5


def test_what_was_popped_is_gone_from_the_broker(consuming):
    consuming.send(4)
    consuming.puncher.pop_like([consuming.first()], limit=10)
    assert consuming.channel.client.llen("work") == 0
