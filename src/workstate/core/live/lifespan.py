"""Starts and ends with the server: its connections are sent away first, and the hub is closed last."""

from __future__ import annotations

from typing import Any

from workstate.core.live.departure import announce_departure
from workstate.core.live.hub import stop_hub
from workstate.core.live.lobby import lobby


async def application(_scope: Any, receive: Any, send: Any) -> None:
    """Answer ASGI's lifespan messages. The server has closed its connections when it says that it ends."""
    while (message := await receive())["type"] != "lifespan.shutdown":
        lobby.open()
        announce_departure()
        await send({"type": f"{message['type']}.complete"})
    await stop_hub()
    await send({"type": "lifespan.shutdown.complete"})
