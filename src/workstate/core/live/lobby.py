"""The open connections of this process: how many a person and an address have, and their common end."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from workstate.core.configuration import configuration
from workstate.core.live.socket_codes import CloseCode, RefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workstate.core.live.connection import Connection


class Lobby:
    """Counts connections while they are open, and sends all of them away when the process ends."""

    def __init__(self) -> None:
        self._connections: set[Connection] = set()
        self._by_person: Counter[str] = Counter()
        self._by_address: Counter[str] = Counter()
        self._is_closed = False

    @contextmanager
    def admit(self, connection: Connection) -> Iterator[None]:
        """Count the connection as long as this lasts; raises RefusedError when there is no place for it."""
        self._raise_if_full(connection)
        self._count(connection, 1)
        self._connections.add(connection)
        try:
            yield
        finally:
            self._connections.discard(connection)
            self._count(connection, -1)

    def close(self) -> None:
        """Have every connection end, and admit no more: the process is about to end."""
        self._is_closed = True
        for connection in self._connections:
            connection.end(CloseCode.RESTARTING)

    def open(self) -> None:
        """Admit connections again."""
        self._is_closed = False

    def _raise_if_full(self, connection: Connection) -> None:
        if self._is_closed:
            raise RefusedError(CloseCode.RESTARTING)
        limits = configuration()
        if (
            self._by_person[connection.own_stream] >= limits.live_connections_per_person
            or self._by_address[connection.address] >= limits.live_connections_per_address
        ):
            raise RefusedError(CloseCode.TOO_MANY_CONNECTIONS)

    def _count(self, connection: Connection, change: int) -> None:
        _change(self._by_person, connection.own_stream, change)
        if connection.address:  # a server behind a Unix socket knows none
            _change(self._by_address, connection.address, change)


def _change(counter: Counter[str], key: str, change: int) -> None:
    counter[key] += change
    if not counter[key]:
        del counter[key]


lobby = Lobby()
"""That of this process."""
