"""The web server under test."""

from __future__ import annotations

import itertools
import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from workbench.processes import Process
from workbench.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

START_TIMEOUT_SECONDS = 30
PASSWORD = "correct horse battery"
LEFT_OUT = (
    "DATABASE_URL",
    "REDIS_URL",
    "CELERY_BROKER_URL",
    "CELERY_RESULT_BACKEND",
    "SECRET_KEY",
    "SMTP_HOST",
    "DEBUG",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who can sign in, and already has: `session_key` is a session of theirs."""

    user_id: int
    organisation_id: int
    organisation_name: str
    email: str
    name: str
    session_key: str
    password: str = PASSWORD


class Server:
    """uvicorn on a temporary data directory; `environment` is what other processes on the same data need."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.data = directory / "var"
        self.environment = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
        self.environment["WORKSTATE_DATA"] = str(self.data)
        self._numbers = itertools.count(1)
        self._processes: list[Process] = []
        self._people: subprocess.Popen[str] | None = None
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Make the tables, start serving, and return when the port answers."""
        self.manage("migrate", "--verbosity=0")
        self._processes.append(self._serve())

    def start_process(self, name: str, *arguments: str) -> Process:
        """Start `python <arguments>` beside the server, a worker for instance; it ends with the server."""
        process = self._spawn(name, *arguments)
        self._processes.append(process)
        return process

    def manage(self, *arguments: str) -> str:
        """Run a management command on the server's data and return what it printed."""
        command = [sys.executable, "-m", "django", *arguments, "--settings=workstate.project.settings"]
        result = subprocess.run(
            command, env=self.environment, cwd=self.directory, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    def new_person(
        self,
        *,
        role: str = "administrator",
        colleague_of: Person | None = None,
        first_name: str = "Amina",
        last_name: str = "Okafor",
        time_zone: str = "UTC",
    ) -> Person:
        """Make a person in an organisation of their own, or in a colleague's."""
        number = next(self._numbers)
        email = f"person{number}@example.com"
        organisation_name = colleague_of.organisation_name if colleague_of else f"Northside Facilities {number}"
        made = self._ask(
            "make_person",
            {
                "email": email,
                "password": PASSWORD,
                "first_name": first_name,
                "last_name": last_name,
                "role": role,
                "time_zone": time_zone,
                "organisation_id": colleague_of.organisation_id if colleague_of else None,
                "organisation_name": organisation_name,
            },
        )
        return Person(email=email, name=f"{first_name} {last_name}", organisation_name=organisation_name, **made)

    def publish(self, person: Person, *types: str) -> None:
        """Have events of these types happen in the person's own stream."""
        self._ask("publish", {"stream": f"user:{person.user_id}", "types": types})

    def sign_out(self, person: Person) -> None:
        """End the person's session, as another of their tabs would."""
        self._ask("sign_out", {"user_id": person.user_id, "session_key": person.session_key})

    def forget_history(self) -> None:
        """Begin every stream anew, as a restored backup would."""
        self._ask("forget_history", {})

    def restart(self, meanwhile: Callable[[], None]) -> None:
        """Stop serving, do something meanwhile, and serve again at the same address."""
        self._processes[0].stop()
        meanwhile()
        self._processes[0] = self._serve()

    def stop(self) -> None:
        """End every process that was started here."""
        if self._people:
            self._people.communicate()
        for process in reversed(self._processes):
            process.end_group()

    def log_tail(self) -> str:
        """What a failing test shows."""
        return "\n".join(f"--- {process.name}\n{process.log_tail()}" for process in self._processes)

    def _serve(self) -> Process:
        arguments = ("uvicorn", "workstate.project.asgi:application", "--port", str(self.port), "--no-access-log")
        process = self._spawn("web", "-m", *arguments)
        wait_until(lambda: self._answers(process), timeout=START_TIMEOUT_SECONDS)
        return process

    def _spawn(self, name: str, *arguments: str) -> Process:
        return Process(name, [sys.executable, *arguments], environment=self.environment, directory=self.directory)

    def _answers(self, process: Process) -> bool:
        if process.returncode is not None:
            raise AssertionError(f"The server ended with {process.returncode}:\n{process.log_tail()}")
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _ask(self, deed: str, arguments: dict[str, object]) -> dict[str, object]:
        if self._people is None:
            self._people = subprocess.Popen(
                [sys.executable, "-m", "webbench.people"],
                env={**self.environment, "PYTHONPATH": os.pathsep.join(sys.path)},
                cwd=self.directory,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert self._people.stdin is not None
        assert self._people.stdout is not None
        print(json.dumps({deed: arguments}), file=self._people.stdin, flush=True)
        return json.loads(self._people.stdout.readline())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
