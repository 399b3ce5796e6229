"""Signal handlers wait until the main thread is out of the ledger, and forks until every other thread is.

Python runs a handler between any two steps of the main thread, and Celery's for a cold shutdown does more than set a
flag: it waits for the pool. In the middle of a transaction the pool's processes may be waiting for its locks, and
nobody would come any further until somebody's patience with a lock is over. So a handler that comes in between is
kept, and called as soon as what is under way has been committed or rolled back. A worker's event loop keeps handlers
for the whole of a turn (`workstate.core.worker.interrupting`).

SQLite notes in a process's memory which locks the process has. A child that is forked while another thread has one
inherits the note, and nobody will ever take it back: the child finds the database locked for as long as it lives.
"""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from celery import platforms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


T = TypeVar("T")
FORK_PATIENCE_SECONDS = 5.0
"""Who is within for longer waits for a lock, rather than having one."""


class _Thread(threading.local):
    """What the calling thread is in the middle of; handlers only ever interrupt the main one."""

    depth = 0
    kept: tuple[Callable[[], Any], ...] = ()


_thread = _Thread()


class ForkGate:
    """A fork waits until no other thread is within, and nobody enters while it lasts."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0

    def enter(self) -> None:
        """Keep forks waiting."""
        with self._changed:
            self._inside += 1

    def leave(self) -> None:
        """Let forks go on."""
        with self._changed:
            self._inside -= 1
            self._changed.notify_all()

    def shut(self) -> None:
        """Wait until the others have left, and let nobody in until `open`."""
        own = 1 if _thread.depth else 0
        self._changed.acquire()
        self._changed.wait_for(lambda: self._inside <= own, FORK_PATIENCE_SECONDS)

    def open(self) -> None:
        """Let everybody in again."""
        self._changed.release()

    def forget(self) -> None:
        """Be as new: a forked child has none of its parent's other threads, and is in the middle of nothing."""
        self._changed = threading.Condition()
        self._inside = 0
        _thread.depth = 0
        _thread.kept = ()


_gate = ForkGate()
if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(before=_gate.shut, after_in_parent=_gate.open, after_in_child=_gate.forget)


class Uninterrupted:
    """A block that no handler of a signal interrupts, and no fork; blocks may stand within each other."""

    def __enter__(self) -> None:
        _thread.depth += 1
        if _thread.depth == 1:
            _gate.enter()

    def __exit__(self, *_: object) -> None:
        if _thread.depth == 1:
            _gate.leave()
        _thread.depth -= 1
        if _thread.kept and not _thread.depth:
            _handle_kept()


uninterrupted = Uninterrupted()
"""The one instance: it keeps nothing itself, and is entered at every statement."""


@contextmanager
def interruptible() -> Iterator[None]:
    """Let handlers and forks into a part of an `uninterrupted` block that has nothing in hand, such as a wait."""
    depth, _thread.depth = _thread.depth, 0
    if depth:
        _gate.leave()
    try:
        _handle_kept()
        yield
    finally:
        if depth:
            _gate.enter()
        _thread.depth = depth


def uninterruptedly(function: Callable[..., T]) -> Callable[..., T]:
    """Return `function` as one that no handler of a signal interrupts."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> T:
        with uninterrupted:
            return function(*args, **kwargs)

    return call


def interruptibly(function: Callable[..., T]) -> Callable[..., T]:
    """Return `function` as one that handlers and forks may come into, whatever it is called from."""

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> T:
        with interruptible():
            return function(*args, **kwargs)

    return call


class PatientSignals(platforms.Signals):
    """Celery's table of handlers; those that are put into it wait for the end of what is under way."""

    def __setitem__(self, name: int | str, handler: Any) -> None:
        super().__setitem__(name, _patient(handler) if callable(handler) else handler)


def install() -> None:
    """Have every handler that Celery installs in this process from now on wait."""
    if not isinstance(platforms.signals, PatientSignals):
        platforms.signals = PatientSignals()


def _handle_kept() -> None:
    while _thread.kept:
        handle, *others = _thread.kept
        _thread.kept = tuple(others)
        handle()


def _patient(handler: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(handler)
    def wait_and_handle(*args: Any) -> None:
        if _thread.depth:
            _thread.kept += (lambda: handler(*args),)
        else:
            handler(*args)

    return wait_and_handle
