"""Reads what is new once for all sockets of this process and hands it to them.

One hub belongs to one event loop. A watcher thread rings it after commits; it reads in a thread of
its own, so that a slow query holds up no socket. After a look it rests for 5 ms, and for up to 20 ms
while nothing but other commits (jobs, on SQLite) ring it, so that a busy database costs it little.
All of its state changes in the loop.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import django.db

from workstate.core.live.bulletins import Bulletin
from workstate.core.live.hints import open_watchers
from workstate.core.live.log_reader import LogReader
from workstate.core.wakeup.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from workstate.core.live.bulletins import Follower
    from workstate.core.live.positions import Position
    from workstate.core.live.reading import Reading

logger = logging.getLogger(__name__)

REST_SECONDS = 0.005
LONGEST_REST_SECONDS = 0.02
RETRY_SECONDS = 1.0

_hubs: dict[asyncio.AbstractEventLoop, Hub] = {}


class Hub:
    """Follows each stream that has followers, from the earliest of their places."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._followers: dict[str, set[Follower]] = {}
        self._places: dict[str, Position | None] = {}
        self._has_joined = False
        self._reader = LogReader()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="workstate-live")
        self._outage = Outage("The event log")
        self._rung = asyncio.Event()
        self._task = self._loop.create_task(self._run(), name="workstate-live-hub")
        self._watchers = open_watchers(self._reader.alias, self._ring_from_watcher)
        for watcher in self._watchers:
            watcher.start()

    async def follow(self, follower: Follower, stream: str, place: Position | None) -> None:
        """Give the follower what happened since `place` (None: nothing), and from now on all that happens.

        Raises `django.db.Error` when the log cannot be read; then nothing is followed.
        """
        readings = await self._read(self._reader.read, {stream: place})
        bulletin = Bulletin.of(stream, readings[stream])
        follower.begin(bulletin)
        self._followers.setdefault(stream, set()).add(follower)
        self._places[stream] = _earlier(self._places.get(stream), bulletin.position)
        self._has_joined = True  # what was written since the reading is no news to the reader by now
        self._rung.set()

    def leave(self, follower: Follower, stream: str) -> None:
        """Tell the follower no more of the stream."""
        followers = self._followers.get(stream, set())
        followers.discard(follower)
        if not followers:
            self._followers.pop(stream, None)
            self._places.pop(stream, None)

    async def stop(self) -> None:
        """Stop watching and close the connection; followers are told nothing more."""
        self._task.cancel()
        await asyncio.wait([self._task])
        await asyncio.to_thread(self._close)

    async def _run(self) -> None:
        rest = REST_SECONDS
        while True:
            await self._rung.wait()
            self._rung.clear()
            rest = REST_SECONDS if await self._look() else min(rest * 2, LONGEST_REST_SECONDS)
            await asyncio.sleep(rest)

    async def _look(self) -> bool:
        """Tell what is new; return whether there was something to read."""
        try:
            return await self._tell_news()
        except django.db.Error:  # reported where it was raised
            self._loop.call_later(RETRY_SECONDS, self._rung.set)
        except Exception:
            # A hub that ends would leave every socket of this process without news.
            logger.exception("The live hub failed and tries again.")
            self._loop.call_later(RETRY_SECONDS, self._rung.set)
        return False

    async def _tell_news(self) -> bool:
        places = dict(self._places)
        if not places:
            return False
        read, self._has_joined = self._reader.read if self._has_joined else self._reader.read_if_news, False
        readings = await self._read(read, places)
        for stream, reading in readings.items():
            if reading.position != places[stream] and self._places.get(stream) == places[stream]:
                self._tell(Bulletin.of(stream, reading))
            # Else the stream was left, or a new follower stands further back and rang for a reading that suits all.
        return bool(readings)

    def _tell(self, bulletin: Bulletin) -> None:
        self._places[bulletin.stream] = bulletin.position
        for follower in self._followers[bulletin.stream]:
            follower.receive(bulletin)

    async def _read(
        self,
        read: Callable[[Mapping[str, Position | None]], dict[str, Reading]],
        places: Mapping[str, Position | None],
    ) -> dict[str, Reading]:
        try:
            readings = await self._loop.run_in_executor(self._thread, read, places)
        except django.db.Error as error:
            self._outage.begin(error)
            raise
        self._outage.end()
        return readings

    def _ring_from_watcher(self) -> None:
        if self._loop.is_closed():
            self._close()
        elif not self._rung.is_set():  # else the loop is yet to look, and will see what this ring is about
            self._loop.call_soon_threadsafe(self._rung.set)

    def _close(self) -> None:
        _hubs.pop(self._loop, None)
        for watcher in self._watchers:
            watcher.stop()
        self._thread.submit(self._reader.close)
        self._thread.shutdown(wait=False)


def open_hub() -> Hub:
    """Return the running loop's hub; the first call starts it."""
    loop = asyncio.get_running_loop()
    if loop not in _hubs:
        _hubs[loop] = Hub()
    return _hubs[loop]


async def stop_hub() -> None:
    """Stop the running loop's hub, if it has one."""
    hub = _hubs.get(asyncio.get_running_loop())
    if hub is not None:
        await hub.stop()


def _earlier(known: Position | None, new: Position) -> Position:
    return known if known is not None and known.behind(new) is not None else new
