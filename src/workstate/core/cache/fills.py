"""Computes what is missing once, however many ask.

    missing ──first reader──▶ promise ──computed──▶ value ──nearly expired, one reader──▶ newer value
                                 └──written or deleted by somebody else: what was computed is not kept

A promise stands in the key's place while its value is computed. Others wait for it, and look whether who made it is
alive. A value replaces exactly the promise, or the value, that was there when its computing began: whoever wrote or
deleted the key in between is newer, and stays.
"""

from __future__ import annotations

import random
import time
from time import monotonic
from typing import TYPE_CHECKING

from workstate.core.cache.codec import mark_of
from workstate.core.cache.promises import is_abandoned, is_promise, make_promise

if TYPE_CHECKING:
    from collections.abc import Callable

    from workstate.core.cache.cells import Cell

PROMISE_SECONDS = 60.0
"""Computing may take so long; what takes longer is computed by several, and not kept."""
PATIENCE_SECONDS = 10.0
"""Who has waited so long computes the value for itself."""
SHORTEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.002, 0.05
AT_ONCE = 0.001


def get_or_compute(
    cell: Cell,
    compute: Callable[[], bytes],
    lifetime: float | None,
    is_good: Callable[[bytes], bool] | None = None,
) -> bytes:
    """Return the cell's payload; compute it when it is missing, or not good, and nobody else does.

    A cache that is away costs no waiting: everybody computes. What `compute` raises ends the promise.
    """
    deadline, pause = monotonic() + PATIENCE_SECONDS, SHORTEST_PAUSE_SECONDS
    while monotonic() < deadline:
        payload = cell.read()
        if payload is not None and not is_promise(payload) and (is_good is None or is_good(payload)):
            return payload
        promise = make_promise()
        is_mine = _promise(cell, payload, promise)
        if is_mine is None:
            break
        if is_mine:
            return _fulfil(cell, promise, compute, lifetime)
        time.sleep(pause)  # who computes may be on another machine: there is nothing here to wait on
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
    return compute()


def compute_early(cell: Cell, payload: bytes, compute: Callable[[], bytes], lifetime: float | None) -> bytes:
    """Compute a value anew while the old one is still served, unless somebody does; return the newer one.

    What `compute` raises goes to this one reader; for a minute nobody tries again before the value has expired.
    """
    beside = cell.beside("early")
    if not beside.add(make_promise(), PROMISE_SECONDS):
        return payload
    newer = compute()
    cell.replace(mark_of(payload), newer, lifetime)
    beside.delete()
    return newer


def is_nearly_over(expires_at: float | None, seconds: float) -> bool:
    """Tell whether a reader should compute anew: the nearer the end and the costlier, the likelier.

    Vattani, Chierichetti and Lowenstein, "Optimal Probabilistic Cache Stampede Prevention", with beta = 1.
    """
    return expires_at is not None and time.time() + seconds * random.expovariate(1.0) >= expires_at


def _promise(cell: Cell, payload: bytes | None, promise: bytes) -> bool | None:
    """Tell whether the promise stands now; None when the cache is away."""
    if payload is None:
        return cell.add(promise, PROMISE_SECONDS)
    if is_promise(payload) and not is_abandoned(payload):
        return False
    return cell.replace(mark_of(payload), promise, PROMISE_SECONDS)


def _fulfil(cell: Cell, promise: bytes, compute: Callable[[], bytes], lifetime: float | None) -> bytes:
    try:
        payload = compute()
    except BaseException:
        cell.replace(promise, promise, AT_ONCE)
        raise
    cell.replace(promise, payload, lifetime)
    return payload
