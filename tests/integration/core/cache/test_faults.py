"""Redis is refused, silent, paused, flushed, restarted with what it knew long ago, killed in the middle, cut off from one.

Two caches that reach one Redis by two addresses share nothing but the database: they are as two processes.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest
from chaos.proxy import Proxy
from chaos.servers import RedisServer
from django.db import connection, transaction
from redis import Redis
from redis.connection import AbstractConnection

from caches import make_cache, numbers
from workbench.waiting import wait_until
from workstate.core.cache import gate, link
from workstate.core.cache.models import CacheRegime
from workstate.core.cache.processes import gate_for, stop_links

if TYPE_CHECKING:
    from collections.abc import Iterator

    from real_databases import RealDatabase
    from workstate.core.cache import WorkstateCache

pytestmark = pytest.mark.redis


@pytest.fixture(autouse=True)
def _quick_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link, "PROBE_SECONDS", 0.05)
    monkeypatch.setattr(gate, "STILL_SECONDS", 0.5)


@pytest.fixture(scope="module")
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis that the tests strike."""
    server = RedisServer(tmp_path_factory.mktemp("own") / "redis")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis(own_redis: RedisServer) -> Iterator[RedisServer]:
    own_redis.forget_snapshot()
    own_redis.start()
    yield own_redis
    own_redis.signal(signal.SIGCONT)
    stop_links()


@pytest.fixture
def proxy(redis: RedisServer) -> Iterator[Proxy]:
    proxy = Proxy(redis.port)
    yield proxy
    proxy.resume()
    proxy.close()


@pytest.fixture
def name() -> str:
    return f"faults-{next(numbers)}"


@pytest.fixture
def cache(lasting_database: RealDatabase, redis: RedisServer, name: str) -> WorkstateCache:
    return make_cache(redis.url(), KEY_PREFIX=name)


@pytest.fixture
def other(cache: WorkstateCache, redis: RedisServer, proxy: Proxy, name: str) -> WorkstateCache:
    """The same cache in what is as another process, which reaches Redis through a proxy."""
    return make_cache(redis.url(proxy.port), KEY_PREFIX=name)


def carrier(cache: WorkstateCache) -> str:
    return CacheRegime.objects.get(name=cache.options.name).carrier


def wait_until_back(cache: WorkstateCache) -> None:
    """Wait until Redis carries the cache and this process knows."""

    def is_back() -> bool:
        cache.get("anything")
        own = gate_for(cache.options)
        return own.regime().is_redis and not own._link.breaker.is_open

    wait_until(is_back)


def test_deleted_value_is_not_served_after_a_restart_from_an_old_snapshot(cache, redis):
    cache.set("key", "old", timeout=None)
    redis.take_snapshot()
    redis.kill()
    assert cache.delete("key") is False  # the database never had it
    assert cache.get("key") is None
    redis.start()
    wait_until_back(cache)
    assert cache.get("key") is None
    with Redis(port=redis.port) as client:
        assert client.keys(f"{cache.key_prefix}:*") == []  # nor is it left there


def test_changed_and_expired_values_are_not_served_after_an_outage(cache, redis):
    cache.set_many({"changed": "old", "counted": 1}, timeout=None)
    redis.take_snapshot()
    redis.kill()
    cache.set("changed", "new")
    cache.set("counted", 5)
    assert cache.incr("counted") == 6
    redis.start()
    wait_until_back(cache)
    assert cache.get_many(["changed", "counted"]) == {}


def test_restart_that_nobody_noticed_is_noticed_by_the_run_id(cache, redis):
    cache.set("key", "old", timeout=None)
    redis.take_snapshot()
    cache.delete("key")
    redis.kill()
    redis.start()
    assert cache.get("key") is None
    assert carrier(cache) == "redis"
    cache.set("key", "new")
    assert cache.get("key") == "new"


def test_flush_loses_entries_and_nothing_else(cache, redis):
    cache.set("key", 1)
    redis.flush()
    assert cache.get("key") is None
    with pytest.raises(ValueError, match="key"):
        cache.incr("key")
    assert cache.add("key", 2) is True
    assert cache.get("key") == 2
    assert carrier(cache) == "redis"


def test_flushing_one_database_of_redis_touches_no_other(cache, redis):
    base = redis.url().rpartition("/")[0]
    first, second = (make_cache(f"{base}/{n}", KEY_PREFIX=f"{cache.key_prefix}-{n}") for n in (2, 3))
    with Redis.from_url(f"{base}/0") as broker, Redis.from_url(f"{base}/2") as store:
        broker.set("work", "queued")
        first.set("key", 1)
        second.set("key", 2)
        store.flushdb()
        assert (first.get("key"), second.get("key"), broker.get("work")) == (None, 2, b"queued")


def test_paused_redis_costs_one_call_half_a_second_and_no_other_a_socket(cache, redis, monkeypatch):
    cache.set("key", "old", timeout=None)
    redis.signal(signal.SIGSTOP)
    begun_at = time.monotonic()
    cache.set("key", "new")
    assert time.monotonic() - begun_at < 2  # the promise is 0.5; a busy machine may take longer

    callers: set[int] = set()
    send = AbstractConnection.send_packed_command

    def noted(*args, **kwargs):
        callers.add(threading.get_ident())
        return send(*args, **kwargs)

    monkeypatch.setattr(AbstractConnection, "send_packed_command", noted)
    assert {cache.get("key") for _ in range(100)} == {"new"}
    cache.delete("key")
    assert threading.get_ident() not in callers
    redis.signal(signal.SIGCONT)  # now Redis carries out what it was sent before
    wait_until_back(cache)
    assert cache.get("key") is None


def test_black_hole_is_left_and_come_back_to(other, proxy):
    other.set("key", 1)
    proxy.fall_silent()
    begun_at = time.monotonic()
    assert other.get("key") is None
    assert time.monotonic() - begun_at < 2
    other.set("key", 2)
    assert other.get("key") == 2
    proxy.resume()
    wait_until_back(other)
    assert other.get("key") is None


def test_connection_that_the_server_has_closed_is_no_outage(cache, redis):
    cache.set("key", 1)
    with Redis(port=redis.port) as client:
        client.client_kill_filter(_type="normal", skipme=True)
    assert cache.get("key") == 1
    assert carrier(cache) == "redis"


def test_redis_that_can_not_write_is_left(cache, redis):
    cache.set("key", "old")
    with Redis(port=redis.port) as client:
        client.config_set("maxmemory", "1")
        cache.set("key", "new" * 100)
        assert cache.get("key") == "new" * 100
        assert carrier(cache) == "database"
        client.config_set("maxmemory", "0")
    wait_until_back(cache)


def test_killed_in_a_pipeline_leaves_nothing_half(cache, redis):
    old = {f"key-{number}": "old" for number in range(5_000)}
    new = dict.fromkeys(old, "new" * 50)
    cache.set_many(old, timeout=None)
    redis.take_snapshot()
    with Redis(port=redis.port) as client:
        written_before = client.info()["total_commands_processed"]
        killer = threading.Thread(target=_kill_in_the_middle, args=(redis, written_before))
        killer.start()
        assert cache.set_many(new, timeout=None) == []
        killer.join()
    assert cache.get_many(old) in ({}, new)
    redis.start()
    wait_until_back(cache)
    assert set(cache.get_many(old).values()) <= {"new" * 50}


def _kill_in_the_middle(redis: RedisServer, commands_before: int) -> None:
    with Redis(port=redis.port) as client:
        wait_until(lambda: client.info()["total_commands_processed"] > commands_before + 200)
    redis.kill()


def test_partition_that_one_sees_is_known_to_the_other_within_a_second(cache, other, proxy):
    cache.set("key", "old", timeout=None)
    assert other.get("key") == "old"
    proxy.cut()
    proxy.fall_silent()
    other.set("key", "new")
    changed_at = time.monotonic()
    wait_until(lambda: cache.get("key") == "new")
    assert time.monotonic() - changed_at < 3  # the promise is 1; a busy machine may take longer

    cache.delete("key")
    wait_until(lambda: other.get("key") is None)
    assert carrier(cache) == "database"
    proxy.resume()
    wait_until_back(other)
    wait_until_back(cache)
    assert (cache.get("key"), other.get("key")) == (None, None)


def test_partition_is_known_at_once_in_strict_mode(cache, other, redis, proxy, name):
    strict, strict_other = (
        make_cache(redis.url(port), KEY_PREFIX=name, OPTIONS={"STRICT": True}) for port in (None, proxy.port)
    )
    strict.set("key", "old", timeout=None)
    assert strict_other.get("key") == "old"
    proxy.cut()
    proxy.fall_silent()
    for value in range(20):
        strict_other.set("key", value)
        assert strict.get("key") == value
    strict.delete("key")
    assert strict_other.get("key") is None


def test_nobody_goes_back_while_another_can_not(cache, other, proxy, monkeypatch):
    monkeypatch.setattr(gate, "STILL_SECONDS", 20)
    cache.set("key", 1)
    proxy.cut()
    proxy.fall_silent()
    other.set("key", 2)
    wait_until(lambda: cache.get("key") == 2)
    epoch = CacheRegime.objects.get(name=cache.options.name).epoch
    beats = CacheRegime.objects.get(name=cache.options.name).beats
    wait_until(lambda: CacheRegime.objects.get(name=cache.options.name).beats > beats + 3)
    assert CacheRegime.objects.get(name=cache.options.name).epoch == epoch


def test_who_dies_in_a_partition_leaves_nothing_stale_behind(cache, other, proxy):
    cache.set("key", "old", timeout=None)
    assert other.get("key") == "old"
    proxy.cut()
    proxy.fall_silent()
    other.delete("key")
    gate_for(other.options)._link.stop()  # all that it did besides was to probe
    wait_until(lambda: cache.get("key") is None)
    wait_until_back(cache)
    assert cache.get("key") is None


def test_writer_that_has_not_looked_lately_writes_again_where_it_counts(cache, other, proxy):
    """It works under a regime that has just ended: what it writes there nobody reads."""
    cache.set("key", "old")
    proxy.cut()
    proxy.fall_silent()
    other.set("key", "newer")  # the row moves; `cache` has looked less than a second ago
    cache.set("key", "newest")
    assert other.get("key") == "newest" or wait_until(lambda: other.get("key") == "newest")
    assert cache.get("key") == "newest"


def test_outage_that_began_in_a_transaction_that_was_rolled_back(cache, redis):
    cache.set("key", "old", timeout=None)
    redis.take_snapshot()
    redis.kill()
    with transaction.atomic():
        cache.set("other", 1)
        transaction.set_rollback(True)
    assert cache.delete("key") is False
    assert carrier(cache) == "database"
    redis.start()
    wait_until_back(cache)
    assert cache.get_many(["key", "other"]) == {}


def test_table_that_fails_fails_no_transaction(lasting_database, name, caplog):
    caplog.set_level(logging.INFO)
    cache = make_cache(KEY_PREFIX=name)
    cache.set("key", 1)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE workstate_cache_entry RENAME TO elsewhere")
        cache.set("key", 2)
        assert cache.set_many({"key": 2}) == ["key"]
        assert cache.add("other", 1) is False
        assert cache.delete("key") is False
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE elsewhere RENAME TO workstate_cache_entry")
    assert cache.get("key") is None  # what could not be replaced or deleted is not served either
    cache.set("key", 3)
    assert cache.get("key") == 3
    told = [record.getMessage() for record in caplog.records if "table of the cache" in record.getMessage()]
    assert len(told) == 2


def test_outage_is_told_once_when_it_begins_and_once_when_it_ends(cache, redis, caplog):
    caplog.set_level(logging.INFO)
    cache.set("key", 1)
    redis.kill()
    for number in range(20):
        cache.set("key", number)
    redis.start()
    wait_until_back(cache)
    told = [record.getMessage() for record in caplog.records if f":{redis.port}" in record.getMessage()]
    assert ["is away" in line or "is back after" in line for line in told] == [True, True]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_child_has_connections_of_its_own(cache, redis):
    cache.set("key", 1)
    if (child := os.fork()) == 0:
        connection.connect()  # not the parent's
        cache.set("key", 2)
        os._exit(0 if cache.get("key") == 2 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert cache.get("key") == 2
    assert cache.incr("key") == 3


def test_threads_count_together(cache, redis):
    cache.set("number", 0)
    threads = [threading.Thread(target=_count, args=(cache, 50)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.get("number") == 400


def _count(cache: WorkstateCache, times: int) -> None:
    for _ in range(times):
        cache.incr("number")
    connection.close()
