"""One running installation of the test project: broker, database, processes, client."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from functools import cached_property
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from workbench.processes import Process, Worker
from workbench.remote import Link
from workbench.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from workbench.lanes import Address

#: How tests ask for results: `result.get(**SOON)`.
SOON = {"timeout": 60, "interval": 0.01}

CELERY = (sys.executable, "-m", "celery", "-A", "project")


class Deployment:
    """The test project on one address; its directory holds effects, gates and logs.

    Tasks tell what they did in the file of effects, and wait at gates until the test opens them.
    """

    def __init__(self, address: Address, directory: Path) -> None:
        self.address = address
        self.directory = directory
        self.processes: list[Process] = []
        self.effects_path = directory / "effects.jsonl"
        self.effects_path.touch()
        self.environment = address.environment() | {"EFFECTS_FILE": str(self.effects_path), "GATES": str(directory)}

    @cached_property
    def celery(self) -> Any:
        """The client: `project.shell` in a process of its own, where a test enqueues and asks for results."""
        return self.start_client("client")

    def start_client(self, name: str) -> Any:
        """Start another client process and return its `project.shell`."""
        near, far = socket.socketpair()
        with far:
            self.start(name, sys.executable, "-m", "workbench.serve", str(far.fileno()), inherited=(far.fileno(),))
        return Link(Connection(near.detach())).root()

    def process(self, name: str) -> Process:
        """The process that was started under the name."""
        return next(process for process in self.processes if process.name == name)

    @property
    def worker(self) -> Worker:
        """The worker that was started first."""
        return next(process for process in self.processes if isinstance(process, Worker))

    def start(self, name: str, *command: str, inherited: tuple[int, ...] = (), **settings: str) -> Process:
        """Start a command in the deployment's environment."""
        process = Process(
            name, command, environment=self.environment | settings, directory=self.directory, inherited=inherited
        )
        self.processes.append(process)
        return process

    def start_celery(self, command: str, *arguments: str, **settings: str) -> Process:
        """Start another long-running `celery -A project …` command, such as beat or Flower."""
        return self.start(command, *CELERY, command, *arguments, **settings)

    def launch_worker(
        self, *arguments: str, pool: str = "prefork", concurrency: int = 2, mingle: bool = False, **settings: str
    ) -> Worker:
        """Start a worker and return at once.

        A worker that mingles waits a second for neighbours at its start; few tests are about that.
        """
        number = sum(isinstance(process, Worker) for process in self.processes) + 1
        name = f"worker{number}"
        command = [*CELERY, "worker", "-l", "INFO", "-n", f"{name}@%h", "-P", pool, "-c", str(concurrency), *arguments]
        if not mingle:
            command.append("--without-mingle")
        worker = Worker(name, command, pool=pool, environment=self.environment | settings, directory=self.directory)
        self.processes.append(worker)
        return worker

    def start_worker(self, *arguments: str, **options: Any) -> Worker:
        """Start a worker and wait until it consumes."""
        worker = self.launch_worker(*arguments, **options)
        worker.wait_ready()
        return worker

    def run_celery(self, *arguments: str, timeout: float = 60.0) -> subprocess.CompletedProcess[str]:
        """Run one `celery -A project …` command to its end."""
        return subprocess.run(
            [*CELERY, *arguments],
            env=self.environment,
            cwd=self.directory,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def effects(self, name: str | None = None) -> list[dict[str, Any]]:
        """What tasks told, oldest first; of one name only when it is given."""
        effects = [json.loads(line) for line in self.effects_path.read_text().splitlines()]
        return [effect for effect in effects if name in {None, effect["name"]}]

    def wait_for_effects(self, name: str, count: int = 1, *, timeout: float = 60.0) -> list[dict[str, Any]]:
        """Wait until tasks told the name so many times; return all that they told by it."""
        return wait_until(lambda: self._at_least(count, lambda: self.effects(name)), timeout=timeout)

    def open_gate(self, name: str) -> None:
        """Let every task go on that waits, or will wait, at the gate."""
        (self.directory / f"{name}.gate").touch()

    def close(self) -> None:
        """End every process at once; what they had taken is not waited for."""
        for process in reversed(self.processes):
            process.end_group()

    def logs(self) -> list[tuple[str, str]]:
        """The end of each process's log, for the report of a failing test."""
        return [(f"log of {process.name}", process.log_tail()) for process in self.processes]

    @staticmethod
    def _at_least(count: int, observe: Callable[[], list[Any]]) -> list[Any]:
        observed = observe()
        return observed if len(observed) >= count else []
