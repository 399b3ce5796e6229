"""A Redis of a test's own, that may be killed and started again."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from chaos.servers import RedisServer
from chaos.servers.base import ServerMissingError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    """Start a Redis on a free port; skips without the program, fails in CI."""
    server = RedisServer(tmp_path / "redis")
    try:
        server.start()
    except ServerMissingError as error:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(error))
    yield server
    server.stop()
