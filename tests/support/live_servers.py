"""Web servers that tests of live events start, kill and start again."""

from __future__ import annotations

import socket
import sys
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import psutil
from django.conf import settings
from websockets.asyncio.client import connect

from workbench.processes import Process
from workbench.waiting import wait_until
from workstate.web import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from real_databases import RealDatabase


class Server:
    """uvicorn, serving the product on a port of its own."""

    def __init__(self, database: RealDatabase, directory: Path, **variables: str) -> None:
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = [
            *(sys.executable, "-m", "uvicorn", "workstate.project.asgi:application", "--port", str(self.port)),
            *serving.as_arguments(),
        ]
        environment = database.environment() | {"SECRET_KEY": settings.SECRET_KEY} | variables
        self.process = Process("web", command, environment=environment, directory=directory)

    def wait_ready(self) -> None:
        wait_until(lambda: "Uvicorn running" in self.process.log() or self.process.returncode is not None, timeout=30)
        assert self.process.returncode is None, self.process.log()

    def open(self, path: str, session_key: str | None, *, origin: str | None = None) -> connect:
        cookies = {"Cookie": f"{settings.SESSION_COOKIE_NAME}={session_key}"} if session_key else {}
        return connect(
            f"ws://127.0.0.1:{self.port}{path}",
            origin=origin or f"http://127.0.0.1:{self.port}",
            additional_headers=cookies,
            compression=None,
        )

    def is_alone(self) -> bool:
        """Tell whether nobody is connected any more."""
        connections = psutil.Process(self.process.pid).net_connections()
        return not [each for each in connections if each.raddr and each.laddr.port == self.port]


@contextmanager
def serve(database: RealDatabase, directory: Path, **variables: str) -> Iterator[Server]:
    """Serve as long as this lasts; `variables` of the environment are added."""
    directory.mkdir(exist_ok=True)
    server = Server(database, directory, **variables)
    try:
        server.wait_ready()
        yield server
    finally:
        server.process.end_group()
