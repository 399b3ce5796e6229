"""A client that nothing holds long: it connects, drops, and comes back elsewhere from where it was."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from websockets.exceptions import WebSocketException

from live_clients import StreamReader, parse
from workstate.core.live.positions import Position

if TYPE_CHECKING:
    import random
    from collections.abc import Mapping, Sequence

    from live_servers import Server

SHORTEST_STAY_SECONDS = 0.05
CONNECT_SECONDS = 20.0


class RestlessFollower:
    """Follows streams over either kind of connection, and fails when it is told anything but the next event.

    `reloads` counts how often it was told, of one of the streams, that not everything can be told.
    """

    def __init__(
        self,
        places: Mapping[str, str],
        session_key: str,
        servers: Sequence[Server],
        chance: random.Random,
        *,
        longest_stay: float,
    ) -> None:
        self.places = {stream: Position.parse(place) for stream, place in places.items()}
        self._session_key = session_key
        self._servers = servers
        self._chance = chance
        self._longest_stay = longest_stay
        self.connections = 0
        self.events = 0
        self.reloads: dict[str, int] = dict.fromkeys(places, 0)

    async def run_until(self, ended: asyncio.Event, heads: Mapping[str, str]) -> None:
        """Come and go until what is to happen has ended and the heads are reached."""
        while not (ended.is_set() and all(str(place) == heads[stream] for stream, place in self.places.items())):
            follow = self._chance.choice((self._follow_by_socket, self._follow_by_stream))
            try:
                await follow(self._chance.choice(self._servers))
            except (OSError, EOFError, WebSocketException):
                await asyncio.sleep(self._choose_seconds())  # refused, or cut off by the other side

    async def _follow_by_socket(self, server: Server) -> None:
        async with asyncio.timeout(CONNECT_SECONDS):
            socket = await server.open("/ws/live/", self._session_key)
        try:
            places = {stream: str(place) for stream, place in self.places.items()}
            await socket.send(json.dumps({"subscribe": places}))
            await self._stay(socket)
        finally:
            socket.transport.abort()

    async def _follow_by_stream(self, server: Server) -> None:
        query = "&".join(f"{stream}={place}" for stream, place in self.places.items())
        async with asyncio.timeout(CONNECT_SECONDS):
            reader = await StreamReader.open(server.port, query, self._session_key)
        try:
            await self._stay(reader)
        finally:
            reader.abort()

    async def _stay(self, connection: Any) -> None:
        """Listen for a while, and be gone in the middle of whatever comes."""
        self.connections += 1
        try:
            async with asyncio.timeout(self._choose_seconds()):
                while True:
                    self._take(await (connection.hear() if isinstance(connection, StreamReader) else _hear(connection)))
        except TimeoutError:
            return

    def _choose_seconds(self) -> float:
        return self._chance.uniform(SHORTEST_STAY_SECONDS, self._longest_stay)

    def _take(self, message: dict[str, Any]) -> None:
        if not message.get("stream"):
            return  # a sign of life, or word that the server ends
        stream, position = message["stream"], Position.parse(message["position"])
        before, self.places[stream] = self.places[stream], position
        if "type" in message:
            assert position == Position(before.epoch, before.offset + 1), (before, message)
            self.events += 1
        elif message["recovered"]:
            assert position == before, (before, message)
        else:
            self.reloads[stream] += 1


async def _hear(socket: Any) -> dict[str, Any]:
    return parse(await socket.recv())
