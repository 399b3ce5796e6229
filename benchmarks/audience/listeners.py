"""Many connections to one server that note when something arrives, and do as little else as they can."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

END_OF_HEAD = b"\r\n\r\n"
OPENED_TOGETHER = 25
OPEN_PATIENCE_SECONDS = 60
HEAR_PATIENCE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Request:
    """What a listener sends: a head, and what follows once that was answered."""

    head: bytes
    then: bytes = b""


class Listener(asyncio.Protocol):
    """One connection: asks, and from then on waits for a mark in whatever bytes come."""

    def __init__(self, request: Request, opened: bytes) -> None:
        self._request = request
        self._received = b""
        self._awaited = opened
        self._arrival: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        transport.write(self._request.head)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._request.then and END_OF_HEAD in self._received:
            self._transport.write(self._request.then)
            self._request = Request(b"")
        if self._awaited in self._received and not self._arrival.done():
            self._arrival.set_result(time.perf_counter())
            self._received = b""

    def connection_lost(self, error: Exception | None) -> None:
        if not self._arrival.done():
            self._arrival.set_exception(ConnectionError(f"closed after {self._received[-300:]!r}"))

    def expect(self, mark: bytes) -> None:
        """Wait for this from now on."""
        self._received, self._awaited = b"", mark
        self._arrival = asyncio.get_running_loop().create_future()

    async def arrival(self) -> float:
        """Wait for the mark; return when it came, by the performance counter."""
        return await asyncio.wait_for(asyncio.shield(self._arrival), HEAR_PATIENCE_SECONDS)


async def open_all(port: int, requests: Sequence[Request], opened: bytes) -> list[Listener]:
    """Connect them all, some at a time, each until it has heard `opened`."""
    loop = asyncio.get_running_loop()
    listeners: list[Listener] = []
    for start in range(0, len(requests), OPENED_TOGETHER):
        connecting = [
            loop.create_connection(lambda request=request: Listener(request, opened), "127.0.0.1", port)
            for request in requests[start : start + OPENED_TOGETHER]
        ]
        together = [listener for _, listener in await asyncio.gather(*connecting)]
        await asyncio.gather(*(listener.arrival() for listener in together))
        listeners += together
    return listeners
