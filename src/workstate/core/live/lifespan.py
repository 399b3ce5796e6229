"""Starts and ends with the server: the last thing a process does is to close its hub."""

from __future__ import annotations

from typing import Any

from workstate.core.live.hub import stop_hub


async def application(_scope: Any, receive: Any, send: Any) -> None:
    """Answer ASGI's lifespan messages. The server closes its sockets first, then this stops the hub."""
    while (message := await receive())["type"] != "lifespan.shutdown":
        await send({"type": f"{message['type']}.complete"})
    await stop_hub()
    await send({"type": "lifespan.shutdown.complete"})
