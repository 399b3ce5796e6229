"""How the caches of this installation stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.cache import caches
from redis.exceptions import RedisError

from workstate.core.cache.backend import WorkstateCache
from workstate.core.cache.link import address_of, ask
from workstate.core.cache.models import CacheRegime

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheStanding:
    """One of the project's caches that this package keeps."""

    alias: str
    address: str
    """Of its Redis, without the password; empty when it has none."""
    away_since: datetime | None
    """Since when the database carries it, although it has a Redis."""


def list_caches() -> list[CacheStanding]:
    """Return the caches among the project's that are ours, by alias; asks the database, and that not without Redis."""
    names = [cache.options.name for _, cache in _ours() if cache.options.url]
    away = CacheRegime.objects.filter(name__in=names, carrier=CacheRegime.Carrier.DATABASE)
    away_since = dict(away.values_list("name", "since"))
    return [
        CacheStanding(
            alias=alias,
            address=address_of(cache.options.url) if cache.options.url else "",
            away_since=away_since.get(cache.options.name),
        )
        for alias, cache in _ours()
    ]


def list_names() -> list[tuple[str, str]]:
    """Return the aliases of our caches with the names that begin their keys."""
    return [(alias, cache.options.name) for alias, cache in _ours()]


def find_problem(alias: str) -> str | None:
    """Ask the cache's Redis, for a fraction of a second; return what is wrong with it, None when it answers."""
    cache: Any = caches[alias]
    try:
        ask(cache.options.url)
    except RedisError as error:
        return str(error)
    return None


def _ours() -> list[tuple[str, WorkstateCache]]:
    every = ((alias, caches[alias]) for alias in sorted(settings.CACHES))
    return [(alias, cache) for alias, cache in every if isinstance(cache, WorkstateCache)]
