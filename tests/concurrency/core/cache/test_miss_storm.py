"""A hundred readers in four processes miss one hot key at the same moment; on PostgreSQL, forty."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from caches import redis_url, shared_redis

__all__ = ["redis_url", "shared_redis"]

SUPPORT = Path(__file__).parents[3] / "support"
PROCESSES = 4


def start_readers(environment: dict[str, str], computed: Path, threads: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "cache_readers", str(computed), str(threads)]
    return subprocess.Popen(
        command, env=environment, cwd=SUPPORT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize(
    ("database", "redis_url", "threads"),
    [
        ("sqlite", "absent", 25),
        # Each thread has a connection, and a PostgreSQL that others use, too, allows no more than a hundred.
        pytest.param("postgresql", "up", 10, marks=[pytest.mark.postgresql, pytest.mark.redis]),
    ],
    indirect=["database", "redis_url"],
)
def test_many_readers_compute_once(database, redis_url, threads, tmp_path):
    computed = tmp_path / "computed"
    environment = database.environment() | {"REDIS_URL": redis_url, "WORKSTATE_DATA": str(tmp_path)}
    readers = [start_readers(environment, computed, threads) for _ in range(PROCESSES)]
    for reader in readers:
        assert reader.stdout.readline() == "ready\n"
    for reader in readers:
        reader.stdin.write("go\n")
        reader.stdin.flush()
    answers = [answer for reader in readers for answer in json.loads(reader.communicate()[0])]
    assert answers == ["hot"] * PROCESSES * threads
    assert computed.read_text() == "computed\n"
