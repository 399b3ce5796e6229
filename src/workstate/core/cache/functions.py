"""`@cached`: functions whose results are kept, and forgotten when what they rest on has changed.

    @cached(timeout=60, key="job_list_{site_id}")
    def list_active_jobs(site_id: int) -> list[dict[str, Any]]: …

    list_active_jobs.invalidate(site_id)      # one result
    invalidate_pattern("job_list_*")          # those whose keys match
    invalidate_prefix("site-7")               # those of functions with that prefix, in one step

Invalidation waits for the commit of the transaction that it is called in, and doesn't come when that is rolled back.
Within a transaction nothing is kept that was computed there: it may rest on what is never committed.
"""

from __future__ import annotations

import inspect
import time
from functools import lru_cache, partial, update_wrapper
from hashlib import blake2b
from time import monotonic
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, ParamSpec, Self, TypeVar, cast

from django.core.cache import caches
from django.db import transaction
from django.db.models import QuerySet

from workstate.core.cache.backend import WorkstateCache
from workstate.core.cache.cells import is_in_transaction
from workstate.core.cache.codec import decode, encode, text_of
from workstate.core.cache.fills import compute_early, get_or_compute, is_nearly_over
from workstate.core.cache.generations import end_generation, generation_of
from workstate.core.cache.promises import is_promise

if TYPE_CHECKING:
    from collections.abc import Callable

    from workstate.core.cache.cells import Cell

P = ParamSpec("P")
R = TypeVar("R")
TIMEOUT_SECONDS = 300.0
DIGEST_BYTES = 16


def cached(
    *,
    timeout: float | None = TIMEOUT_SECONDS,
    key: str | Callable[..., str] | None = None,
    prefix: str | None = None,
    cache: str = "default",
    only_in_redis: bool = False,
) -> Callable[[Callable[P, R]], CachedFunction[P, R]]:
    """Return a decorator that keeps a function's results for `timeout` seconds; None is for ever.

    `key` is a text with the names of parameters, `"job_list_{site_id}"`, or a function of the same arguments;
    without it the key is made of the function's name and all arguments, which have to be plain data. `prefix` names
    a group of functions that `invalidate_prefix` forgets together. A QuerySet comes back as a list: end it with
    `.values()`. A hundred readers that miss the same result compute it once. With `only_in_redis` the function is
    called each time while the database carries the cache: for results that cost no more than a look into it.
    """

    def decorate(function: Callable[P, R]) -> CachedFunction[P, R]:
        if inspect.iscoroutinefunction(function):
            raise TypeError(
                f"{function.__qualname__} is a coroutine function; cache the synchronous one that it calls."
            )
        return CachedFunction(
            function, timeout=timeout, key=key, prefix=prefix, cache=cache, only_in_redis=only_in_redis
        )

    return decorate


class CachedFunction(Generic[P, R]):
    """A function that looks into a cache first."""

    def __init__(  # noqa: PLR0913  keyword-only: one for each thing that can be given
        self,
        function: Callable[P, R],
        *,
        timeout: float | None,
        key: str | Callable[..., str] | None,
        prefix: str | None,
        cache: str,
        only_in_redis: bool,
    ) -> None:
        update_wrapper(self, function)
        self.function = function
        self._timeout = timeout
        self._key = key
        self._prefix = prefix
        self._cache = cache
        self._only_in_redis = only_in_redis
        self._signature = inspect.signature(function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Return the result that is kept, or a new one."""
        cache = workstate_cache(self._cache)
        if self._only_in_redis and not cache.is_in_redis:
            return self.function(*args, **kwargs)
        cell = cache.cell(self.key_of(*args, **kwargs))
        generation = generation_of(cache, self._prefix) if self._prefix else ""
        compute = partial(self._compute, generation, args, kwargs)
        if is_in_transaction():
            return cast("R", self._look(cell, generation, compute))
        return cast("R", self._look_or_keep(cell, generation, compute))

    def key_of(self, *args: P.args, **kwargs: P.kwargs) -> str:
        """Return the key of the result for these arguments."""
        if callable(self._key):
            return self._key(*args, **kwargs)
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        if self._key is not None:
            return self._key.format(**bound.arguments)
        digest = blake2b(text_of(bound.arguments).encode(), digest_size=DIGEST_BYTES).hexdigest()
        return f"{self.function.__module__}.{self.function.__qualname__}:{digest}"

    def invalidate(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Forget the result for these arguments once the caller's transaction has committed."""
        invalidate_key(self.key_of(*args, **kwargs), cache=self._cache)

    def _look_or_keep(self, cell: Cell, generation: str, compute: Callable[[], bytes]) -> Any:
        read = lru_cache(maxsize=1)(_Result.read)
        payload = get_or_compute(cell, compute, self._timeout, lambda payload: read(payload).generation == generation)
        if is_nearly_over(read(payload).expires_at, read(payload).seconds):
            payload = compute_early(cell, payload, compute, self._timeout)
        return read(payload).value

    @staticmethod
    def _look(cell: Cell, generation: str, compute: Callable[[], bytes]) -> Any:
        payload = cell.read()
        if payload is not None and not is_promise(payload):
            kept = _Result.read(payload)
            if kept.generation == generation:
                return kept.value
        return _Result.read(compute()).value

    def _compute(self, generation: str, args: Any, kwargs: Any) -> bytes:
        begun_at = monotonic()
        value = self.function(*args, **kwargs)
        plain = list(value) if isinstance(value, QuerySet) else value
        expires_at = None if self._timeout is None else time.time() + self._timeout
        return encode([generation, expires_at, monotonic() - begun_at, plain])


class _Result(NamedTuple):
    """What is kept of one call."""

    generation: str | None
    expires_at: float | None
    seconds: float
    value: Any

    @classmethod
    def read(cls, payload: bytes) -> Self:
        """Return the result; one of no generation when something else has the key."""
        kept = decode(payload)
        is_result = isinstance(kept, list) and len(kept) == len(cls._fields)
        return cls(*kept) if is_result else cls(None, None, 0.0, None)


def invalidate_key(key: str, *, cache: str = "default") -> None:
    """Forget the result with this key once the caller's transaction has committed."""
    transaction.on_commit(lambda: _delete(key, cache))


def invalidate_prefix(prefix: str, *, cache: str = "default") -> None:
    """Forget all results of functions with this prefix once the caller's transaction has committed; one write."""
    transaction.on_commit(lambda: end_generation(workstate_cache(cache), prefix))


def invalidate_pattern(pattern: str, *, cache: str = "default") -> None:
    """Forget the results whose keys match, such as `job_list_*`, once the caller's transaction has committed.

    It takes as long as there are entries in the cache: name a prefix where that matters.
    """
    transaction.on_commit(lambda: _delete_pattern(pattern, cache))


def workstate_cache(alias: str) -> WorkstateCache:
    """Return the cache of that alias; raises TypeError when its backend is another one."""
    cache = caches[alias]
    if not isinstance(cache, WorkstateCache):
        raise TypeError(f"CACHES[{alias!r}] is a {type(cache).__qualname__}: @cached needs a WorkstateCache.")
    return cache


def _delete(key: str, cache: str) -> None:
    workstate_cache(cache).delete(key)


def _delete_pattern(pattern: str, cache: str) -> None:
    workstate_cache(cache).delete_pattern(pattern)
