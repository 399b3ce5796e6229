"""Doctor, status and metrics tell which caches are not carried by the Redis that they have."""

from __future__ import annotations

import json

import pytest
from django.core.cache import caches

from caches import redis_url, shared_redis
from workbench.lanes import free_port
from workstate.cli.status import run
from workstate.core.cache.checks import check_names
from workstate.core.cache.models import CacheRegime
from workstate.core.cache.processes import stop_links
from workstate.core.cache.selectors import list_caches
from workstate.core.health.checks.cache import cache as look
from workstate.core.health.findings import Level
from workstate.core.health.registry import Context
from workstate.core.telemetry.readings import cache_away_seconds

__all__ = ["redis_url", "shared_redis"]


@pytest.fixture
def _three_caches(database, shared_redis, settings):
    ours = "workstate.core.cache.WorkstateCache"
    settings.CACHES = {
        "default": {"BACKEND": ours, "LOCATION": "", "KEY_PREFIX": "a"},
        "away": {"BACKEND": ours, "LOCATION": f"redis://:secret@127.0.0.1:{free_port()}/2", "KEY_PREFIX": "b"},
        "there": {"BACKEND": ours, "LOCATION": shared_redis.url(), "KEY_PREFIX": "c"},
        "other": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    }
    yield
    stop_links()


@pytest.mark.redis
@pytest.mark.usefixtures("_three_caches")
def test_cache_whose_redis_is_away_is_told_without_its_password(capsys):
    for alias in ("default", "away", "there"):
        caches[alias].set("key", 1)
    findings = {finding.name: finding for finding in look(Context())}
    assert {name: finding.level for name, finding in findings.items()} == {
        "cache away": Level.WARNING,
        "cache default": Level.OK,
        "cache there": Level.OK,
    }
    assert "does not answer" in findings["cache away"].what
    assert "secret" not in findings["cache away"].what
    assert sorted(cache_away_seconds()) == ["away", "there"]
    assert cache_away_seconds()["there"] == 0 < cache_away_seconds()["away"]
    assert run([]) == 0
    assert "is away for" in capsys.readouterr().out
    assert run(["--json"]) == 0
    assert [cache["alias"] for cache in json.loads(capsys.readouterr().out)["caches"]] == ["away", "default", "there"]


@pytest.mark.redis
@pytest.mark.usefixtures("_three_caches")
def test_cache_that_others_keep_in_the_database_is_told():
    caches["there"].set("key", 1)
    CacheRegime.objects.filter(name="c").update(carrier="database", epoch="another")
    [finding] = [finding for finding in look(Context()) if finding.name == "cache there"]
    assert finding.level is Level.WARNING
    assert "answers here, and the database carries it since" in finding.what


@pytest.mark.redis
@pytest.mark.usefixtures("_three_caches")
def test_cache_that_nobody_has_used_is_well():
    assert [(cache.alias, cache.away_since) for cache in list_caches()] == [
        ("away", None),
        ("default", None),
        ("there", None),
    ]


def test_two_caches_of_one_name_are_refused(settings):
    ours = "workstate.core.cache.WorkstateCache"
    settings.CACHES = {"default": {"BACKEND": ours}, "second": {"BACKEND": ours, "LOCATION": "redis://nowhere/1"}}
    [error] = check_names()
    assert error.id == "workstate.E010"
    assert "default, second have one name, 'default'" in error.msg
    settings.CACHES = {"default": {"BACKEND": ours}, "second": {"BACKEND": ours, "OPTIONS": {"NAME": "second"}}}
    assert check_names() == []
