"""What every task of every system does, and the counter that tells how many have run."""

from __future__ import annotations

import functools
import os
import time

import redis

from benchmarks import places

COMPLETED = "completed"
START_DELAYS = "start_delays"
STARTS = "starts"
HOLDERS = "holders"
SECOND_STARTS = "second_starts"
HOLD_SECONDS = 600
PROBE_TIMEOUT_SECONDS = 60


class ProbeLostError(Exception):
    """A task that should start at once did not start; see the worker's log in the message."""


def increment() -> int:
    """Count one task; the counter's new value is the task's result."""
    return int(_redis().incr(COMPLETED))


def record_start(sent_at: float) -> float:
    """Store how many seconds after `sent_at` the task started."""
    delay = time.time() - sent_at
    _redis().rpush(START_DELAYS, delay)
    return delay


def hold(key: str) -> None:
    """Say which worker runs this, and go on until it is killed; started a second time, say when that was, and end."""
    if _redis().hincrby(STARTS, key, 1) > 1:
        _redis().rpush(SECOND_STARTS, time.time())
        return
    _redis().rpush(HOLDERS, os.getppid())
    time.sleep(HOLD_SECONDS)


def wait_for_holder() -> int:
    """Wait until a worker runs the task that holds; return the id of its main process."""
    return int(_pop(HOLDERS))


def wait_for_second_start() -> float:
    """Wait until that task has started again; return when, in seconds since the epoch."""
    return float(_pop(SECOND_STARTS))


def count_completed() -> int:
    """Return how many tasks have run since the last reset."""
    return int(_redis().get(COMPLETED) or 0)


def reset_completed() -> None:
    """Set the counter to zero."""
    _redis().delete(COMPLETED)


def wait_for_start_delay() -> float:
    """Wait until the probe that was sent has started; return its delay in seconds."""
    return float(_pop(START_DELAYS))


def _pop(key: str) -> bytes:
    answer = _redis().blpop([key], timeout=PROBE_TIMEOUT_SECONDS)
    if answer is None:
        raise ProbeLostError(f"no task started within {PROBE_TIMEOUT_SECONDS} s")
    return answer[1]


@functools.cache
def _redis() -> redis.Redis:
    return redis.Redis.from_url(
        f"{os.environ[places.REDIS_URL]}/{places.COUNTER_DATABASE}", socket_timeout=PROBE_TIMEOUT_SECONDS + 5
    )
