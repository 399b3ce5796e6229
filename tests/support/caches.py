"""Caches for tests: over a Redis that is there, one that is away, and none."""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from chaos.servers import RedisServer
from django.core.cache import caches

from workbench.lanes import free_port
from workstate.core.cache import WorkstateCache
from workstate.core.cache.processes import stop_links

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_django.fixtures import SettingsWrapper

    from real_databases import RealDatabase

ALL_TIERS = pytest.mark.parametrize(
    "redis_url", [pytest.param("up", marks=pytest.mark.redis), "away", "absent"], indirect=True
)
numbers = itertools.count(1)


def make_cache(url: str = "", **params: Any) -> WorkstateCache:
    """A cache as Django makes it from an entry of CACHES."""
    return WorkstateCache(url, {"KEY_PREFIX": "tests", **params})


@contextmanager
def as_default(settings: SettingsWrapper, url: str) -> Iterator[WorkstateCache]:
    """Let the default cache be one that nobody has used, over the Redis at `url` if there is one."""
    settings.CACHES = {
        "default": {
            "BACKEND": "workstate.core.cache.WorkstateCache",
            "LOCATION": url,
            "KEY_PREFIX": f"default-{next(numbers)}",
        },
        "plain": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    }
    yield caches["default"]
    stop_links()


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis of the session's own that no test strikes."""
    server = RedisServer(tmp_path_factory.mktemp("shared") / "redis")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis_url(request: pytest.FixtureRequest) -> str:
    """The address of a Redis that is up or away, or none."""
    if request.param == "up":
        return str(request.getfixturevalue("shared_redis").url())
    return f"redis://127.0.0.1:{free_port()}/0" if request.param == "away" else ""


@pytest.fixture
def cache(lasting_database: RealDatabase, redis_url: str) -> Iterator[WorkstateCache]:
    """A cache that nobody has used."""
    yield make_cache(redis_url, KEY_PREFIX=f"tests-{next(numbers)}")
    stop_links()
