"""The contract of a server that a run starts on a free port, strikes, and starts again."""

from __future__ import annotations

import signal
import subprocess
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil

from workbench.lanes import free_port
from workbench.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

START_SECONDS = 90


class ServerMissingError(Exception):
    """A program that the lane needs is not installed; the message says which."""


class Server(ABC):
    """A server process that can be killed, frozen and started again with what it had stored."""

    program_user: str | None = None

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.directory.mkdir()
        self.port = free_port()
        self._popen: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> Sequence[str]:
        """Return what starts it in the foreground."""

    def environment(self) -> Mapping[str, str] | None:
        """Return the variables of its process; None is our own."""
        return None

    @abstractmethod
    def answers(self) -> bool:
        """Tell whether it takes orders."""

    def start(self) -> None:
        """Start it and wait until it answers; one whose predecessor is not quite gone is started again."""

        def started() -> bool:
            if self._popen is None or self._popen.poll() is not None:
                self._launch()
            return self.answers()

        wait_until(started, timeout=START_SECONDS)

    def kill(self) -> None:
        """Kill it with everything that it has started, at once, and wait until all are gone."""
        self.signal(signal.SIGKILL)
        self._wait()

    def processes(self) -> list[psutil.Process]:
        """Return the server's process and those that it has started."""
        assert self._popen is not None
        try:
            process = psutil.Process(self._popen.pid)
            return [process, *process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to all of its processes."""
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def stop(self) -> None:
        """End it for good."""
        if self._popen is not None:
            self.signal(signal.SIGCONT)
            self.kill()

    def _launch(self) -> None:
        with (self.directory / "server.log").open("ab") as log:
            self._popen = subprocess.Popen(
                self.command(),
                cwd=self.directory,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=self.program_user,
            )

    def _wait(self) -> None:
        assert self._popen is not None
        self._popen.wait()
