"""How soon an audience hears of what was committed, and what it costs to have one."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from typing import TYPE_CHECKING

from benchmarks import places, services
from benchmarks.audience import stages
from benchmarks.audience.listeners import open_all
from benchmarks.measures.base import Figure, Measure, Sample, temporary_directory

if TYPE_CHECKING:
    from benchmarks.audience.listeners import Listener
    from benchmarks.audience.stages import Stage
    from benchmarks.processes import Processes
    from benchmarks.sizes import Sizes

MEDIAN, TAIL, PROCESSOR, MEMORY = "p50 ms", "p99 ms", "µs a message", "KiB a connection"
START_PATIENCE_SECONDS = 60
START_POLL_SECONDS = 0.05
KIBIBYTES = 1024
MILLISECONDS = 1_000
MICROSECONDS = 1_000_000


class Audience(Measure):
    """A thousand connections that follow one stream."""

    title = "Live events, commit to audience"
    method = (
        "{listeners} connections of 20 people follow one stream; {told} events are committed one after the other; "
        "milliseconds from the end of the commit until each connection has the bytes; the server's processor time divided by what was sent; memory is what the server "
        "(proportional set size) grew by, divided by the connections"
    )
    figures = (
        Figure(name=MEDIAN, decimals=1),
        Figure(name=TAIL, decimals=1),
        Figure(name=PROCESSOR, decimals=1),
        Figure(name=MEMORY, decimals=1),
    )
    systems = tuple(stages.ALL)

    def sample(self, system_name: str, sizes: Sizes) -> Sample:
        stage = stages.ALL[system_name]()
        with temporary_directory() as directory, services.redis_server(directory) as redis_url:
            os.environ[places.REDIS_URL] = redis_url
            with stage.database():
                sessions = stages.set_up(stage, directory)
                port = places.free_port()
                with stages.serve(stage, port, directory) as server:
                    figures = asyncio.run(_measure(stage, server, port, sessions, sizes))
                _close_connections()
        return Sample(
            label=stage.label, notes=stage.notes, records=stage.records, durability="as shipped", figures=figures
        )


async def _measure(stage: Stage, server: Processes, port: int, sessions: list[str], sizes: Sizes) -> dict[str, float]:
    await _wait_for(port)
    requests = [stage.request(sessions[number % len(sessions)], port) for number in range(sizes.listeners)]
    first = await open_all(port, requests[:1], stage.opened)
    before = server.memory_megabytes()
    listeners = first + await open_all(port, requests[1:], stage.opened)
    memory = (server.memory_megabytes() - before) * KIBIBYTES / max(len(listeners) - 1, 1)
    cpu_before = server.cpu_seconds()
    delays = [delay for number in range(sizes.told) for delay in await _tell_and_wait(stage, str(number), listeners)]
    cpu_used = server.cpu_seconds() - cpu_before
    return {
        MEDIAN: statistics.median(delays),
        TAIL: statistics.quantiles(delays, n=100)[98],
        PROCESSOR: cpu_used * MICROSECONDS / len(delays),
        MEMORY: memory,
    }


async def _wait_for(port: int) -> None:
    """Wait until the server listens."""
    async with asyncio.timeout(START_PATIENCE_SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(START_POLL_SECONDS)
            else:
                writer.close()
                return


async def _tell_and_wait(stage: Stage, number: str, listeners: list[Listener]) -> list[float]:
    """Commit one event in a thread; return the milliseconds until each listener had it."""
    mark = f"1{int(number):06}"
    for listener in listeners:
        listener.expect(f'"{mark}"'.encode())
    arrivals = [asyncio.ensure_future(listener.arrival()) for listener in listeners]
    committed = await asyncio.to_thread(_tell, stage, mark)
    return [(arrived - committed) * MILLISECONDS for arrived in await asyncio.gather(*arrivals)]


def _tell(stage: Stage, mark: str) -> float:
    stage.tell(mark)
    return time.perf_counter()


def _close_connections() -> None:
    from django.db import connections

    connections.close_all()
