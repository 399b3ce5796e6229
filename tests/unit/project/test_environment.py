"""What the environment says, and the secret key that is made when it says nothing."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from django.core.exceptions import ImproperlyConfigured

from workstate.project.settings.environment import Environment

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("SECRET_KEY", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORKSTATE_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def test_secret_key_is_made_once_and_only_its_owner_reads_it(data: Path) -> None:
    key = Environment.read().secret_key
    assert len(key) >= 50
    assert Environment.read().secret_key == key
    assert (data / "secret_key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in data.iterdir()] == ["secret_key"]


def test_all_that_start_at_once_share_one_secret_key(data: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        keys = list(pool.map(lambda _: Environment.read().secret_key, range(32)))
    assert len(set(keys)) == 1


def test_data_directory_that_cannot_be_made_says_what_to_do(data: Path) -> None:
    data.write_text("in the way")
    with pytest.raises(ImproperlyConfigured, match="choose another with WORKSTATE_DATA, or set SECRET_KEY"):
        Environment.read()


@pytest.mark.parametrize(
    ("url", "live"),
    [
        ("redis://redis.internal", "redis://redis.internal/1"),
        ("redis://:secret@redis.internal:6380/0", "redis://:secret@redis.internal:6380/1"),
        ("rediss://redis.internal/4?ssl_cert_reqs=none", "rediss://redis.internal/5?ssl_cert_reqs=none"),
        ("unix:///run/redis.sock", ""),
        ("sentinel://redis.internal:26379/0", ""),
        ("redis://redis.internal/zero", ""),
    ],
)
def test_hints_of_live_events_have_a_database_of_their_own(
    data: Path, monkeypatch: pytest.MonkeyPatch, url: str, live: str
) -> None:
    monkeypatch.setenv("REDIS_URL", url)
    assert Environment.read().live_redis_url == live


def test_number_that_is_none_is_named(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_PORT", "smtp")
    with pytest.raises(ImproperlyConfigured, match="SMTP_PORT must be a number, not 'smtp'"):
        Environment.read()


@pytest.mark.parametrize(
    ("redis_url", "cache_url", "reports_cache_url"),
    [
        ("redis://cache.example/", "redis://cache.example/2", "redis://cache.example/3"),
        ("redis://:secret@localhost:6380/4?ssl=1", *(f"redis://:secret@localhost:6380/{n}?ssl=1" for n in (6, 7))),
        ("rediss://cache.example:6380", "rediss://cache.example:6380/2", "rediss://cache.example:6380/3"),
        ("unix:///run/redis.sock", "", ""),
        ("", "", ""),
    ],
)
def test_each_cache_has_a_redis_database_of_its_own(
    data: Path, monkeypatch: pytest.MonkeyPatch, redis_url: str, cache_url: str, reports_cache_url: str
) -> None:
    monkeypatch.setenv("REDIS_URL", redis_url)
    environment = Environment.read()
    assert (environment.cache_url, environment.reports_cache_url) == (cache_url, reports_cache_url)
    assert len({environment.broker_url, cache_url, reports_cache_url} - {""}) == (3 if cache_url else 1)
