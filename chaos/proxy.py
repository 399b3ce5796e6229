"""A TCP proxy that can fall silent without closing anything, as a cut cable or a full firewall table does."""

from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import suppress

CHUNK_BYTES = 65_536


class Proxy:
    """Passes bytes between its own port and a target's; its loop runs in a thread."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._passing = asyncio.Event()
        self._passing.set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._run, name="chaos-proxy", daemon=True)
        self._thread.start()

    def fall_silent(self) -> None:
        """Pass nothing any more; whoever connects is accepted and hears nothing."""
        self._loop.call_soon_threadsafe(self._passing.clear)

    def resume(self) -> None:
        """Pass what was held up, and go on."""
        self._loop.call_soon_threadsafe(self._passing.set)

    def cut(self) -> None:
        """Break every connection, and pass new ones."""
        self._loop.call_soon_threadsafe(self._cut)

    def close(self) -> None:
        """End the proxy and every connection through it."""
        self._loop.call_soon_threadsafe(self._stop)
        self._thread.join()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(asyncio.start_server(self._serve, sock=self._listener))
        self._loop.run_forever()
        unfinished = asyncio.all_tasks(self._loop)
        for task in unfinished:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*unfinished, return_exceptions=True))
        self._loop.run_until_complete(asyncio.sleep(0))  # what was aborted closes in the next turn
        self._loop.close()

    def _stop(self) -> None:
        self._listener.close()
        self._cut()
        self._loop.stop()

    def _cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()
        self._passing.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            await self._passing.wait()
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.transport.abort()
            self._writers.discard(writer)
            return
        self._writers.add(far_writer)
        for source, sink in ((reader, far_writer), (far_reader, writer)):
            pump = self._loop.create_task(self._pump(source, sink))
            self._pumps.add(pump)
            pump.add_done_callback(self._pumps.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(CHUNK_BYTES):
                await self._passing.wait()
                sink.write(data)
                await sink.drain()
            await self._passing.wait()  # an end is not heard through a silent line either
        self._writers.discard(sink)
        sink.close()
