"""Unique jobs: of several calls that mean the same work, one is in the ledger.

    @shared_task(unique=Unique())                                   # one for each set of arguments, until it ended
    @shared_task(unique=Unique(by="task", period=timedelta(hours=1)))
    @shared_task(unique=Unique(conflict=Conflict.DEBOUNCE, delay=timedelta(seconds=5)))

A job holds its key in its row, under a unique index: while it waits in any case, and until it ended,
or until its period is over if that is later. A later call of the same key meets the job that holds it:

- `KEEP`: the call comes to nothing, and returns the first job's result.
- `REPLACE`: the waiting job gets the newer arguments, priority and time.
- `DEBOUNCE`: the same, and each call puts it off by `delay` again.

The last two give the key up when a worker claims the job: it has its arguments then, so what is newer
becomes a job of its own. At most one waits, and no change is lost.

When things fail: a key belongs to its row's transaction, so it is free again when that rolls back.
On PostgreSQL a second caller of a key waits for the first one's commit, as with any unique index.
"""

from __future__ import annotations

import hashlib
import inspect
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

from kombu.utils.json import dumps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import timedelta

    from celery.app.task import Task

KEY_LENGTH = 255
DIGEST_LENGTH = 32


class Conflict(StrEnum):
    """What a call does that meets a job of its key."""

    KEEP = "keep"
    REPLACE = "replace"
    DEBOUNCE = "debounce"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unique:
    """Which calls of a task mean the same work, for how long, and what becomes of the later ones.

    `key` gets a call's arguments and returns a text; it stands in place of `by`. `period` counts from
    the enqueue. Raises ValueError for what does not go together.
    """

    by: Literal["arguments", "task"] = "arguments"
    key: Callable[..., str] | None = None
    period: timedelta | None = None
    conflict: Conflict = Conflict.KEEP
    delay: timedelta | None = None

    def __post_init__(self) -> None:
        """Refuse what does not go together."""
        if self.by not in {"arguments", "task"}:
            raise ValueError(f'Unique(by=…) is "arguments" or "task", not {self.by!r}.')
        if self.period is not None and self.conflict is not Conflict.KEEP:
            raise ValueError("A period is for Conflict.KEEP: what is replaced is unique only while it waits.")
        if (self.delay is not None) is not (self.conflict is Conflict.DEBOUNCE):
            raise ValueError("Conflict.DEBOUNCE needs a delay, and nothing else has one.")

    def key_of(self, task: Task[Any, Any] | None, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> str:
        """Return the key of one call; the task's own name begins it.

        Raises TypeError when the arguments are to tell calls apart and are not JSON.
        """
        if self.key is not None:
            return fitting(f"{name}:{self.key(*args, **kwargs)}")
        if self.by == "task":
            return fitting(name)
        return fitting(f"{name}:{_digest(dumps(_named(task, args, kwargs), sort_keys=True))}")


def fitting(key: str) -> str:
    """Return a key that its column can hold: a long one, or one that a database can't store, ends in a digest."""
    if len(key) <= KEY_LENGTH and key.isprintable():
        return key
    kept = "".join(character for character in key if character.isprintable())
    return f"{kept[: KEY_LENGTH - DIGEST_LENGTH - 1]}:{_digest(key)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:DIGEST_LENGTH]


def _named(task: Task[Any, Any] | None, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Give each argument its name, so that a call is the same however it was written."""
    try:
        bound = _signature(task.run).bind(*args, **kwargs) if task is not None else None
    except TypeError:  # the task will refuse it
        bound = None
    if bound is None:
        return [list(args), dict(kwargs)]
    bound.apply_defaults()
    return bound.arguments


@lru_cache(maxsize=1024)
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)
