"""Four processes change and read facts through one cache while its Redis is killed, restored, frozen and flushed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest
from chaos.servers import RedisServer

from cache_historians import FACTS
from real_databases import BOTH_DATABASES
from workbench.waiting import wait_until
from workstate.core.cache.models import CacheRegime
from workstate.core.live.models import Stream

pytestmark = [pytest.mark.redis, BOTH_DATABASES]

SUPPORT = Path(__file__).parents[3] / "support"
PROCESSES = 4
STALE_SECONDS = 1.0
CARRIERS = CacheRegime.Carrier


@pytest.fixture
def redis(tmp_path):
    server = RedisServer(tmp_path / "redis")
    server.start()
    yield server
    server.stop()


def start_historian(number: int, notes: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "cache_historians", str(notes), str(number)]
    return subprocess.Popen(
        command, env=environment, cwd=SUPPORT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def wait_until_carried_by(carrier: CacheRegime.Carrier) -> None:
    wait_until(lambda: CacheRegime.objects.filter(name="workstate", carrier=carrier).exists())


def strike(redis: RedisServer) -> None:
    """Let Redis do everything that has ever made a cache serve what is old."""
    redis.take_snapshot()
    redis.kill()
    wait_until_carried_by(CARRIERS.DATABASE)
    redis.start()
    wait_until_carried_by(CARRIERS.REDIS)
    redis.flush()
    redis.take_snapshot()
    redis.kill()
    redis.start()  # at once: perhaps nobody has noticed
    redis.signal(signal.SIGSTOP)
    wait_until_carried_by(CARRIERS.DATABASE)
    redis.signal(signal.SIGCONT)
    wait_until_carried_by(CARRIERS.REDIS)


@pytest.mark.timeout(600)
def test_nobody_reads_what_was_changed_more_than_a_second_ago(database, redis, tmp_path):
    Stream.objects.bulk_create(Stream(name=fact, epoch="only") for fact in FACTS)
    environment = database.environment() | {"REDIS_URL": redis.url(), "WORKSTATE_DATA": str(tmp_path)}
    notes = [tmp_path / f"notes-{number}" for number in range(PROCESSES)]
    historians = [start_historian(number, path, environment) for number, path in enumerate(notes)]
    for historian in historians:
        assert historian.stdout.readline() == "ready\n"
    wait_until_carried_by(CARRIERS.REDIS)
    strike(redis)
    time.sleep(0.5)  # there is nothing to wait for: they go on for a while
    for historian in historians:
        historian.communicate("enough\n")
        assert historian.returncode == 0

    found = [json.loads(line) for path in notes for line in path.read_text().splitlines()]
    changes, reads = defaultdict(list), 0
    for what, fact, version, moment in found:
        if what == "changed":
            changes[fact].append((moment, version))
    for what, fact, version, moment in found:
        if what == "read":
            reads += 1
            due = max((v for changed_at, v in changes[fact] if changed_at < moment - STALE_SECONDS), default=0)
            assert version >= due, (fact, version, due, moment)
    assert reads > 100
    assert all(changes[fact] for fact in FACTS)
