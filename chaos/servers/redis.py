"""Redis without a log: what it knows is in memory and, if it was asked to write one, in a snapshot."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from chaos.servers.base import Server, ServerMissingError

if TYPE_CHECKING:
    from collections.abc import Sequence

SNAPSHOT = "dump.rdb"
ANSWER_SECONDS = 2


class RedisServer(Server):
    """Redis; started again it is empty, unless a snapshot lies there."""

    def url(self, port: int | None = None) -> str:
        """Return its address, on its own port or on that of a proxy."""
        return f"redis://127.0.0.1:{port or self.port}/0"

    def command(self) -> Sequence[str]:
        """Return what starts it."""
        if (program := shutil.which("redis-server")) is None:
            raise ServerMissingError("redis-server is not installed.")
        return [program, "--port", str(self.port), "--save", "", "--dbfilename", SNAPSHOT, "--bind", "127.0.0.1"]

    def answers(self) -> bool:
        """Tell whether it takes orders."""
        try:
            with self._client() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def flush(self) -> None:
        """Let it forget everything."""
        with self._client() as client:
            client.flushall()

    def take_snapshot(self) -> None:
        """Have it write down what it knows now, to begin with at its next start."""
        with self._client() as client:
            client.save()

    def forget_snapshot(self) -> None:
        """Let it begin empty at its next start."""
        (self.directory / SNAPSHOT).unlink(missing_ok=True)

    def _client(self) -> redis.Redis:
        return redis.Redis(port=self.port, socket_timeout=ANSWER_SECONDS, retry=Retry(NoBackoff(), 0))
