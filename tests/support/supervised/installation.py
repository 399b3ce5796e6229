"""`workstate` on a data directory of its own, as a person starts it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

from workbench.processes import Process
from workbench.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

START_TIMEOUT_SECONDS = 60
LEFT_OUT = ("ALLOWED_HOSTS", "CELERY_BROKER_URL", "CELERY_RESULT_BACKEND", "DATABASE_URL", "REDIS_URL", "SECRET_KEY")


class Installation:
    """A data directory, a port, and the commands that work on them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.data = directory / "data"
        self.port = free_port()
        self.address = f"http://localhost:{self.port}"

    def up(self, name: str = "up", *arguments: str) -> Process:
        """Start `workstate up`, its output in a log of that name."""
        command = [*self._command("up"), "--data", str(self.data), "--port", str(self.port), *arguments]
        return Process(name, command, environment=self._environment(), directory=self.directory)

    def wait_ready(self, process: Process) -> None:
        """Wait until it says that it is ready, and fail with its log when it ends instead."""
        wait_until(
            lambda: process.returncode is not None or "Workstate is ready" in process.log(),
            timeout=START_TIMEOUT_SECONDS,
        )
        assert process.returncode is None, process.log_tail()

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another `workstate` command to its end."""
        return self._run(self._command(*arguments))

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of `manage.py` to its end."""
        return self._run([sys.executable, "-m", "django", *arguments, "--settings=workstate.project.settings"])

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            env=self._environment(),
            cwd=self.directory,
            capture_output=True,
            text=True,
            check=False,
        )

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "workstate.cli", *arguments]

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
        return kept | {"WORKSTATE_DATA": str(self.data)}


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
