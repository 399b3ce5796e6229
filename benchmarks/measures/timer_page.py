"""How soon a timer that was started in one tab shows in all others."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from typing import TYPE_CHECKING

import websockets

from benchmarks.browser import Visitor, sign_in
from benchmarks.measures.base import Figure, ProductMeasure
from benchmarks.product import Product

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.sizes import Sizes

MEDIAN, TAIL = "p50 ms", "p95 ms"
STARTED = "timer.started"
EVENT_PATIENCE_SECONDS = 30
MILLISECONDS = 1000


class TimerPage(ProductMeasure):
    """A hundred tabs of one person."""

    title = "The timer page, start to other tab"
    method = (
        "{tabs} WebSockets of one person at ws/timer/; a timer is started by a POST from another connection; "
        "milliseconds from before the POST until each socket has the event"
    )
    figures = (Figure(name=MEDIAN, decimals=1), Figure(name=TAIL, decimals=1))

    def measure(self, directory: Path, sizes: Sizes) -> dict[str, float]:
        with Product(directory / "data") as product:
            visitor = sign_in(product, directory / "data")
            delays = asyncio.run(_delays(product, visitor, sizes))
        return {MEDIAN: statistics.median(delays), TAIL: statistics.quantiles(delays, n=100)[94]}


async def _delays(product: Product, visitor: Visitor, sizes: Sizes) -> list[float]:
    """Start the timer again and again; return the milliseconds that each tab waited each time."""
    tabs = [await _open_tab(product, visitor) for _ in range(sizes.tabs)]
    delays: list[float] = []
    for _ in range(sizes.timer_starts):
        delays += await _start_and_wait(visitor, tabs)
    await asyncio.gather(*(tab.close() for tab in tabs))
    return delays


async def _open_tab(product: Product, visitor: Visitor) -> websockets.ClientConnection:
    return await websockets.connect(
        f"ws://127.0.0.1:{product.port}/ws/timer/",
        origin=product.address,
        additional_headers={"Cookie": visitor.cookies},
        compression=None,
    )


async def _start_and_wait(visitor: Visitor, tabs: list[websockets.ClientConnection]) -> list[float]:
    """Start a timer from a thread of its own; return the milliseconds until each tab had the event."""
    arrivals = [asyncio.create_task(_arrival(tab)) for tab in tabs]
    sent = time.perf_counter()
    await asyncio.to_thread(visitor.start_timer)
    return [(arrived - sent) * MILLISECONDS for arrived in await asyncio.gather(*arrivals)]


async def _arrival(tab: websockets.ClientConnection) -> float:
    async with asyncio.timeout(EVENT_PATIENCE_SECONDS):
        while json.loads(await tab.recv()).get("type") != STARTED:
            pass
        return time.perf_counter()
