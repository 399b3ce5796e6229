"""Promises: what stands in a missing key's place while some process computes its value."""

from __future__ import annotations

import os
import secrets
from functools import cache
from hashlib import blake2b

from workstate.core.worker.machine import is_alive, process_start, this_machine

PROMISE = b"P"
TOKEN_BYTES = 9


def make_promise() -> bytes:
    """Return a promise of this process that no other is equal to."""
    return b"%b%b|%b" % (PROMISE, secrets.token_urlsafe(TOKEN_BYTES).encode(), _signature(os.getpid()))


def is_promise(payload: bytes) -> bool:
    """Tell whether somebody has promised the value."""
    return payload.startswith(PROMISE)


def is_abandoned(promise: bytes) -> bool:
    """Tell whether the process that promised is known to be gone: one of this machine, which is not there any more."""
    machine, pid, started = promise.split(b"|")[1:]
    return machine == _machine() and not is_alive(int(pid), started.decode())


@cache
def _signature(pid: int) -> bytes:
    return b"%b|%d|%b" % (_machine(), pid, process_start(pid).encode())


@cache
def _machine() -> bytes:
    return blake2b(this_machine().encode(), digest_size=8).hexdigest().encode()
