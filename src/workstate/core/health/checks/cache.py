"""Whether each cache is carried by the Redis that it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import Error as DatabaseError

from workstate.core.cache.selectors import CacheStanding, find_problem, list_caches
from workstate.core.health.findings import Finding, Level, not_looked_at
from workstate.core.health.registry import Context, check

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "cache"


@check("cache")
def cache(_context: Context) -> Iterator[Finding]:
    """Look at the regime of each cache, and ask its Redis for a sign of life."""
    try:
        standings = list_caches()
    except DatabaseError as error:
        yield not_looked_at(NAME, error, "the database comes first")
        return
    yield from map(_judge, standings)


def _judge(standing: CacheStanding) -> Finding:
    name = f"{NAME} {standing.alias}"
    if not standing.address:
        return Finding(Level.OK, name, "the database carries it: it has no Redis")
    problem = find_problem(standing.alias)
    if problem is not None:
        what = f"{standing.address} does not answer: {problem}"
    elif standing.away_since is not None:
        what = (
            f"{standing.address} answers here, and the database carries it since {standing.away_since:%d %B, %H:%M} UTC"
        )
    else:
        return Finding(Level.OK, name, f"{standing.address} carries it")
    return Finding(
        Level.WARNING,
        name,
        what,
        "it is slower meanwhile; Redis carries it again a few seconds after every process that uses it can reach it",
        "workstate status",
    )
