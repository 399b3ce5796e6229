"""Redis goes away in every way it knows, and comes back: no job is lost, none ends twice, nobody lends a hand."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest
from chaos.proxy import Proxy
from chaos.servers import RedisServer

from workbench.marks import EMBEDDED_LANES
from workbench.outages import (
    SOON_SECONDS,
    assert_each_ended_once,
    assert_outage_took_a_few_lines,
    deployed,
    tell,
    wait_until_back_on,
)
from workbench.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from workbench.deployment import Deployment
    from workbench.lanes import Lane
    from workbench.plugin import Workbench

pytestmark = [
    pytest.mark.redis,
    pytest.mark.parametrize("lane", EMBEDDED_LANES, indirect=True),
    pytest.mark.timeout(300),
]

LONGEST_STANDSTILL_SECONDS = 15  # a worker that took its leave of a silent Redis in all forms needed 20 s
MOST_FOR_A_CALL_SECONDS = 0.5


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path / "redis")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def proxy(redis: RedisServer) -> Iterator[Proxy]:
    proxy = Proxy(redis.port)
    yield proxy
    proxy.close()


@pytest.fixture
def deployment(workbench: Workbench, lane: Lane, redis: RedisServer, tmp_path: Path) -> Iterator[Deployment]:
    with deployed(lane, tmp_path / "deployment", redis.url()) as deployment:
        yield deployment


@pytest.fixture
def behind_proxy(
    workbench: Workbench, lane: Lane, redis: RedisServer, proxy: Proxy, tmp_path: Path
) -> Iterator[Deployment]:
    with deployed(lane, tmp_path / "deployment", redis.url(proxy.port)) as deployment:
        yield deployment


def killed(redis: RedisServer) -> Callable[[], None]:
    redis.kill()
    return redis.start


def frozen(redis: RedisServer) -> Callable[[], None]:
    redis.signal(signal.SIGSTOP)
    return lambda: redis.signal(signal.SIGCONT)


@pytest.mark.parametrize("go_away", [killed, frozen])
def test_jobs_run_through_the_database_while_redis_is_away_and_through_redis_again(
    deployment: Deployment, redis: RedisServer, go_away: Callable[[RedisServer], Callable[[], None]]
) -> None:
    worker = deployment.start_worker()
    task_ids = tell(deployment, "before", 5)
    deployment.wait_for_effects("before", 5)

    come_back = go_away(redis)
    task_ids += tell(deployment, "during", 20)
    deployment.wait_for_effects("during", 20, timeout=LONGEST_STANDSTILL_SECONDS)
    come_back()
    wait_until_back_on("redis", deployment)
    task_ids += tell(deployment, "after", 5)
    deployment.wait_for_effects("after", 5, timeout=SOON_SECONDS)

    assert worker.returncode is None
    probes = [task_id for task_id, _ in deployment.celery.endings.noted() if task_id not in task_ids]
    assert_each_ended_once(deployment, task_ids + probes)
    assert_outage_took_a_few_lines(worker.log())


def test_publishing_waits_for_no_answer(behind_proxy: Deployment, proxy: Proxy) -> None:
    behind_proxy.celery.tasks.tell.delay("before")
    proxy.fall_silent()

    slowest = behind_proxy.celery.slowest_delay(300)

    assert slowest < MOST_FOR_A_CALL_SECONDS


def test_jobs_run_while_redis_is_silent(behind_proxy: Deployment, proxy: Proxy) -> None:
    worker = behind_proxy.start_worker()
    task_ids = tell(behind_proxy, "before", 5)
    behind_proxy.wait_for_effects("before", 5)

    proxy.fall_silent()
    task_ids += tell(behind_proxy, "during", 20)
    behind_proxy.wait_for_effects("during", 20, timeout=SOON_SECONDS)
    proxy.resume()
    task_ids += tell(behind_proxy, "after", 5)
    behind_proxy.wait_for_effects("after", 5, timeout=SOON_SECONDS)

    assert worker.returncode is None
    assert_each_ended_once(behind_proxy, task_ids)


def flushed(redis: RedisServer) -> None:
    redis.flush()


def restarted_empty(redis: RedisServer) -> None:
    redis.kill()
    redis.forget_snapshot()
    redis.start()


@pytest.mark.parametrize("forget", [flushed, restarted_empty])
def test_what_redis_forgot_is_handed_over_again(
    deployment: Deployment, redis: RedisServer, forget: Callable[[RedisServer], None]
) -> None:
    task_ids = tell(deployment, "waiting", 30)
    wait_until(lambda: deployment.celery.count_messages() == 30)

    forget(redis)
    deployment.start_worker()

    deployment.wait_for_effects("waiting", 30, timeout=SOON_SECONDS)
    assert_each_ended_once(deployment, task_ids)


def test_old_snapshot_brings_no_finished_job_back_and_loses_no_new_one(
    deployment: Deployment, redis: RedisServer
) -> None:
    task_ids = tell(deployment, "old", 10)
    wait_until(lambda: deployment.celery.count_messages() == 10)
    redis.take_snapshot()
    worker = deployment.start_worker()
    deployment.wait_for_effects("old", 10)
    assert worker.stop() == 0
    task_ids += tell(deployment, "new", 10)
    wait_until(lambda: deployment.celery.count_messages() == 10)

    redis.kill()
    redis.start()
    deployment.start_worker()

    deployment.wait_for_effects("new", 10, timeout=SOON_SECONDS)
    assert_each_ended_once(deployment, task_ids)
    assert len(deployment.effects("old")) == 10


def test_worker_killed_with_messages_in_its_hands_loses_none(deployment: Deployment) -> None:
    task_ids = [deployment.celery.tasks.hold.delay("held").id for _ in range(12)]
    first = deployment.start_worker()
    deployment.wait_for_effects("held", 2)
    first.kill()
    first.end_group()
    deployment.open_gate("held")

    deployment.start_worker()

    assert_each_ended_once(deployment, task_ids)


def test_worker_that_starts_without_redis_works_and_finds_it_later(deployment: Deployment, redis: RedisServer) -> None:
    redis.kill()
    task_ids = tell(deployment, "early", 5)
    started = time.monotonic()
    worker = deployment.start_worker()
    deployment.wait_for_effects("early", 5, timeout=SOON_SECONDS)
    assert time.monotonic() - started < SOON_SECONDS

    redis.start()
    wait_until(lambda: "Connected to redis" in worker.log(), timeout=SOON_SECONDS)
    task_ids += tell(deployment, "late", 5)
    deployment.wait_for_effects("late", 5, timeout=SOON_SECONDS)
    assert_each_ended_once(deployment, task_ids)


def test_operations_are_told_when_the_broker_goes_and_comes(deployment: Deployment, redis: RedisServer) -> None:
    deployment.start_worker()
    redis.kill()
    wait_until(lambda: deployment.celery.broker_away_since() is not None, timeout=SOON_SECONDS)
    redis.start()
    wait_until(lambda: deployment.celery.broker_away_since() is None, timeout=SOON_SECONDS)

    lost, returned = deployment.celery.events("operations")
    assert lost["type"] == "broker.lost"
    assert returned["type"] == "broker.returned"
    assert returned["data"]["away_seconds"] >= 0


def test_remote_control_works_while_redis_is_away_and_afterwards(deployment: Deployment, redis: RedisServer) -> None:
    worker = deployment.start_worker()
    assert deployment.celery.answers_a_ping()
    redis.kill()
    wait_until(lambda: deployment.celery.broker_away_since() is not None, timeout=SOON_SECONDS)

    inspected = deployment.run_celery("inspect", "ping", "--timeout", "10")
    assert "1 node online" in inspected.stdout

    redis.start()
    wait_until(lambda: deployment.celery.broker_away_since() is None, timeout=SOON_SECONDS)
    wait_until(deployment.celery.answers_a_ping, timeout=SOON_SECONDS)
    assert "1 node online" in deployment.run_celery("inspect", "ping", "--timeout", "10").stdout
    assert worker.returncode is None
