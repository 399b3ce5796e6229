"""The whole product, started as a user starts it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Self

from benchmarks import places
from benchmarks.processes import Processes
from benchmarks.systems.base import program

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

FIRST_PAGE_PATIENCE_SECONDS = 120
FIRST_PAGE_POLL_SECONDS = 0.02
COMPLETE_PATIENCE_SECONDS = 60
COMPLETE_POLL_SECONDS = 0.5


class IncompleteError(Exception):
    """The web shows pages, but not all that belongs to the product runs."""


class NoPageError(Exception):
    """The product ended before it showed a page, or took too long; its last words are in the notes."""


class Product:
    """`workstate up --demo` over a data directory, running while the `with` block does."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port = places.free_port()
        options = ["--demo", "--port", str(self.port), "--data", str(data)]
        self.processes = Processes([[program("workstate"), "up", *options]], directory=data.parent, name="product")
        self.seconds_to_first_page = 0.0

    @property
    def address(self) -> str:
        """The address that a browser would open."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        started = time.perf_counter()
        self.processes.__enter__()
        try:
            self._wait_for_first_page()
        except NoPageError as error:
            self.processes.__exit__(type(error), error, error.__traceback__)
            raise
        self.seconds_to_first_page = time.perf_counter() - started
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.processes.__exit__(kind, error, traceback)

    def wait_until_complete(self) -> None:
        """Wait until a worker and a scheduler have joined the web."""
        deadline = time.monotonic() + COMPLETE_PATIENCE_SECONDS
        while not self._has_worker_and_scheduler():
            if time.monotonic() > deadline:
                raise IncompleteError(f"no worker or no scheduler after {COMPLETE_PATIENCE_SECONDS} s")
            time.sleep(COMPLETE_POLL_SECONDS)

    def _has_worker_and_scheduler(self) -> bool:
        command = [program("workstate"), "status", "--json"]
        environment = {**os.environ, "WORKSTATE_DATA": str(self.data)}
        answer = subprocess.run(command, env=environment, capture_output=True, check=True)
        status = json.loads(answer.stdout)
        return bool(status["workers"] and status["schedulers"])

    def _wait_for_first_page(self) -> None:
        deadline = time.monotonic() + FIRST_PAGE_PATIENCE_SECONDS
        while time.monotonic() < deadline and self.processes.all_run():
            with contextlib.suppress(ConnectionError, urllib.error.URLError):  # not listening yet
                if urllib.request.urlopen(self.address, timeout=FIRST_PAGE_PATIENCE_SECONDS).status == 200:
                    return
            time.sleep(FIRST_PAGE_POLL_SECONDS)
        raise NoPageError(f"no page at {self.address}")
