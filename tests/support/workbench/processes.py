"""Processes of a deployment: started with a log, stopped by signal, never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil

from workbench.forge import Forged, forge_of_session, is_forged
from workbench.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

STOP_TIMEOUT_SECONDS = 60
STACKS_SECONDS = 1.0
LOG_LINES_SHOWN = 80


class Process:
    """One started command, leader of its own process group."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        *,
        environment: dict[str, str],
        directory: Path,
        inherited: tuple[int, ...] = (),
    ) -> None:
        self.name = name
        self.log_path = directory / f"{name}.log"
        with self.log_path.open("ab") as log:
            if is_forged(command):
                self._popen: Forged | subprocess.Popen[bytes] = forge_of_session().start(
                    command, environment=environment, directory=directory, log=log.fileno(), inherited=inherited
                )
                return
            self._popen = subprocess.Popen(
                command,
                env=environment,
                cwd=directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=inherited,
            )

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        return self._popen.poll()

    def log(self) -> str:
        """Everything that it has written."""
        return self.log_path.read_text(errors="replace")

    def log_tail(self) -> str:
        """What a failing test shows of it."""
        return "\n".join(self.log().splitlines()[-LOG_LINES_SHOWN:])

    def children(self) -> list[int]:
        """The pids of its living children, oldest first."""
        children = psutil.Process(self.pid).children()
        return [child.pid for child in children if child.status() != psutil.STATUS_ZOMBIE]

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process alone, not to its children."""
        self._popen.send_signal(number)

    def kill(self) -> None:
        """Kill the process alone with -9 and wait until it is gone; its children are orphans then."""
        self.send(signal.SIGKILL)
        self._popen.wait()

    def wait(self, timeout: float = STOP_TIMEOUT_SECONDS) -> int:
        """Wait for its end and return the exit code."""
        return self._popen.wait(timeout)

    def ask_to_stop(self) -> None:
        """Ask it to finish and end: a warm shutdown."""
        self.send(signal.SIGTERM)

    def stop(self) -> int:
        """Ask it to end, wait until it did, and return the exit code."""
        self.ask_to_stop()
        return self.wait()

    def quit(self) -> int:
        """Ask it to drop what it does and end, a cold shutdown, and return the exit code."""
        self.send(signal.SIGQUIT)
        return self.wait()

    def show_stacks(self) -> str:
        """Have it and its children write where each thread is, where their `faulthandler` listens to SIGUSR2."""
        before = self.log_path.stat().st_size
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGUSR2)
        time.sleep(STACKS_SECONDS)
        return self.log_path.read_bytes()[before:].decode(errors="replace")

    def end_group(self) -> None:
        """End what is left of the process and its children, at once."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._popen.wait()


class Worker(Process):
    """A `celery worker` that has told that it is ready."""

    def __init__(
        self, name: str, command: Sequence[str], *, pool: str, environment: dict[str, str], directory: Path
    ) -> None:
        self.pool = pool
        self.ready_path = directory / f"{name}.ready"
        super().__init__(
            name, command, environment=environment | {"READY_FILE": str(self.ready_path)}, directory=directory
        )

    @property
    def node(self) -> str:
        """The name that remote control knows it by."""
        return self.ready_path.read_text()

    def wait_ready(self, timeout: float = 60.0) -> None:
        """Wait until it consumes; fail with its log when it ended instead."""
        wait_until(lambda: self.returncode is not None or self.ready_path.exists(), timeout=timeout)
        assert self.returncode is None, f"{self.name} ended with {self.returncode}:\n{self.log_tail()}"
