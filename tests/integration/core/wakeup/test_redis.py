"""Hints that travel by Redis: quick while it is there, and nothing but late while it is not."""

from __future__ import annotations

import logging
import threading
import time

import pytest

from calls import Calls
from workbench.waiting import wait_until
from workstate.core.wakeup.notifier import Notifier
from workstate.core.wakeup.redis import RedisCarrier, RedisWatcher

CHANNEL = "workstate_test"
SOON_SECONDS = 30.0

pytestmark = pytest.mark.redis


@pytest.fixture
def notifier(redis_server):
    notifier = Notifier(RedisCarrier(redis_server.url()))
    yield notifier
    notifier.stop()


@pytest.fixture
def calls(redis_server):
    """Called by a watcher that has subscribed."""
    calls = Calls()
    watcher = RedisWatcher(redis_server.url(), CHANNEL, calls)
    watcher.start()
    calls.wait_for(1, timeout=SOON_SECONDS)
    yield calls
    watcher.stop()


def test_hint_calls_those_who_watch_its_channel_at_once(notifier, calls):
    moment = time.monotonic()
    notifier.request(CHANNEL)
    assert calls.wait_for_call_after(moment) < 1
    calls.settle()
    before = len(calls)
    notifier.request("workstate_other")
    assert calls.settle() == before


def test_many_hints_are_few_messages(notifier, calls):
    for _ in range(1000):
        notifier.request(CHANNEL)
    assert calls.settle() < 100


def test_redis_that_was_killed_and_is_back_carries_hints_again(notifier, calls, redis_server, caplog):
    caplog.set_level(logging.INFO)
    redis_server.kill()
    asked = time.monotonic()
    notifier.request(CHANNEL)
    assert time.monotonic() - asked < 0.5  # whoever asks never waits for Redis
    wait_until(lambda: "PUBLISH is away" in caplog.text and f"SUBSCRIBE {CHANNEL} is away" in caplog.text)
    redis_server.start()
    calls.wait_for_call_after(asked, timeout=SOON_SECONDS)  # what was missed is news
    wait_until(lambda: "PUBLISH is back" in caplog.text)
    calls.settle()
    moment = time.monotonic()
    notifier.request(CHANNEL)
    calls.wait_for_call_after(moment)
    assert caplog.text.count("is away") == 2
    assert caplog.text.count("is back") == 2


def test_watcher_of_a_redis_that_is_not_there_stops_at_once(redis_server):
    redis_server.kill()
    watcher = RedisWatcher(redis_server.url(), CHANNEL, Calls())
    watcher.start()
    watcher.stop()
    assert not [each for each in threading.enumerate() if each.name == "workstate-RedisWatcher"]
