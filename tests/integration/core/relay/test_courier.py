"""Messages reach a real Redis as Celery would have sent them, and an outage is told as one."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from celery import Celery
from chaos.servers import RedisServer
from redis import Redis

from engine.jobs import new_job
from workbench.lanes import RABBITMQ_URL
from workbench.waiting import wait_until
from workstate.core.relay.courier import MARK, BrokerAwayError, Courier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workstate.core.jobs.records import NewJob

pytestmark = pytest.mark.redis

LONG_CORRELATION = json.dumps({"correlation_id": "€" * 200, "content_type": "application/json"})


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def courier(server: RedisServer) -> Iterator[Courier]:
    app = Celery("couriers", broker=server.url(), set_as_current=False)
    courier = Courier(app)
    yield courier
    courier.close()


@pytest.fixture
def client(server: RedisServer) -> Iterator[Redis]:
    with Redis(port=server.port) as client:
        yield client


def messages(client: Redis, key: str = "celery") -> list[dict]:
    return [json.loads(item) for item in reversed(client.lrange(key, 0, -1))]


def test_messages_arrive_in_order_and_are_marked(courier: Courier, client: Redis) -> None:
    courier.send([new_job("one"), new_job("two")])

    first, second = messages(client)
    assert (first["headers"]["id"], second["headers"]["id"]) == ("one", "two")
    assert first["headers"][MARK] is True
    assert first["headers"]["task"] == "work"
    assert first["content-type"] == "application/json"


def test_priorities_that_redis_does_not_know_take_the_nearest(courier: Courier, client: Redis) -> None:
    courier.send([new_job("urgent", priority=-5), new_job("idle", priority=40)])

    assert [message["headers"]["id"] for message in messages(client)] == ["urgent"]
    assert [message["headers"]["id"] for message in messages(client, "celery\x06\x169")] == ["idle"]


def test_row_that_can_not_be_read_sends_a_bare_ticket(courier: Courier, client: Redis) -> None:
    courier.send([new_job("spoiled", headers="{", properties="no"), new_job("sound")])

    assert [message["headers"]["id"] for message in messages(client)] == ["spoiled", "sound"]


def test_queue_is_empty_once_all_its_lists_are(courier: Courier, client: Redis) -> None:
    assert courier.is_empty("celery")
    courier.send([new_job("late", priority=9)])
    assert not courier.is_empty("celery")


def test_broker_that_is_away_is_told_as_such_and_found_again(courier: Courier, server: RedisServer) -> None:
    courier.ping()
    server.kill()

    with pytest.raises(BrokerAwayError):
        courier.send([new_job("lost")])

    server.start()
    courier.ping()
    assert courier.is_empty("celery")


def test_connection_that_the_server_has_closed_is_no_outage(courier: Courier, client: Redis) -> None:
    courier.ping()
    client.client_kill_filter(_type="normal", skipme=True)

    courier.send([new_job("sent")])

    assert [message["headers"]["id"] for message in messages(client)] == ["sent"]


@pytest.mark.rabbitmq
@pytest.mark.parametrize(
    "job",
    [new_job("job", headers=json.dumps({"id": "job", "number": 2**70})), new_job("job", properties=LONG_CORRELATION)],
    ids=["header", "correlation id"],
)
def test_message_that_amqp_can_not_write_becomes_a_bare_ticket_and_holds_up_nobody(job: NewJob) -> None:
    app = Celery("couriers", broker=RABBITMQ_URL, set_as_current=False)
    queue = f"courier-{uuid4()}"
    courier = Courier(app)
    with app.connection_for_read() as connection:
        channel = connection.default_channel
        try:
            courier.send([replace(job, queue=queue), new_job("next", queue=queue)])
            wait_until(lambda: not courier.is_empty(queue))
            received = [channel.basic_get(queue, no_ack=True) for _ in range(2)]
        finally:
            courier.close()
            channel.queue_delete(queue)
    assert [message.headers["id"] for message in received] == ["job", "next"]


def test_question_that_redis_does_not_answer_is_asked_once(courier: Courier) -> None:
    courier.ping()
    channel = courier._producer.channel

    assert channel.client.get_retry() is None
    assert channel.pool.get_connection().retry.get_retries() == 0
    assert channel.supports_batch_publish
