"""The contract of a control store, and the statements that all of them run."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

BINDING_TTL_SECONDS = 120
MESSAGE_TTL_SECONDS = 60

BINDINGS = "workstate_control_binding"
MESSAGES = "workstate_control_message"


class Binding(NamedTuple):
    """That messages of an exchange with a routing key go to a queue, in kombu's order."""

    routing_key: str
    pattern: str
    queue: str


class ControlStore(ABC):
    """Queues of messages that may be lost, and which exchanges feed them; times are seconds since the epoch."""

    @abstractmethod
    def _run(self, sql: str, params: Sequence[Any]) -> list[tuple[Any, ...]]:
        """Run one statement with `%s` placeholders in a commit of its own and return its rows, if any."""

    def bind(self, exchange: str, binding: Binding) -> None:
        """Let `exchange` feed a queue from now on, for as long as its owner refreshes it."""
        self._run(
            f"INSERT INTO {BINDINGS} (exchange, routing_key, pattern, queue, expires_at) VALUES (%s, %s, %s, %s, %s)"
            " ON CONFLICT (exchange, routing_key, queue) DO UPDATE SET expires_at = excluded.expires_at",
            [exchange, binding.routing_key, binding.pattern, binding.queue, time.time() + BINDING_TTL_SECONDS],
        )

    def bindings(self, exchange: str) -> list[Binding]:
        """Return what `exchange` feeds."""
        rows = self._run(
            f"SELECT routing_key, pattern, queue FROM {BINDINGS} WHERE exchange = %s AND expires_at > %s",
            [exchange, time.time()],
        )
        return [Binding(*row) for row in rows]

    def refresh(self, queues: Sequence[str]) -> None:
        """Keep the bindings of queues alive that this process still reads."""
        for queue in queues:
            self._run(
                f"UPDATE {BINDINGS} SET expires_at = %s WHERE queue = %s", [time.time() + BINDING_TTL_SECONDS, queue]
            )

    def put(self, queue: str, payload: str) -> None:
        """Append a message to a queue."""
        self._run(
            f"INSERT INTO {MESSAGES} (queue, payload, expires_at) VALUES (%s, %s, %s)",
            [queue, payload, time.time() + MESSAGE_TTL_SECONDS],
        )

    def take(self, queues: Sequence[str]) -> list[tuple[str, str]]:
        """Remove and return all (queue, payload) of `queues`, oldest first."""
        marks = ", ".join(["%s"] * len(queues))
        if not self._run(f"SELECT 1 FROM {MESSAGES} WHERE queue IN ({marks}) LIMIT 1", queues):
            return []  # looking first spares an idle worker a write
        rows = self._run(
            f"DELETE FROM {MESSAGES} WHERE queue IN ({marks}) RETURNING id, queue, payload, expires_at", queues
        )
        now = time.time()
        return [(queue, payload) for _, queue, payload, expires_at in sorted(rows) if expires_at > now]

    def size(self, queue: str) -> int:
        """Return how many messages wait in a queue."""
        return int(self._run(f"SELECT count(*) FROM {MESSAGES} WHERE queue = %s", [queue])[0][0])

    def delete(self, queue: str) -> None:
        """Remove a queue with its messages and bindings."""
        self._run(f"DELETE FROM {BINDINGS} WHERE queue = %s", [queue])
        self._run(f"DELETE FROM {MESSAGES} WHERE queue = %s", [queue])

    def collect(self) -> None:
        """Remove what has outlived its time."""
        now = time.time()
        self._run(f"DELETE FROM {BINDINGS} WHERE expires_at < %s", [now])
        self._run(f"DELETE FROM {MESSAGES} WHERE expires_at < %s", [now])
