"""Starts `python -m …` by forking a process that has imported the libraries, where an import anew costs most of a start.

A run of the tests starts thousands of processes. What is started here begins as `python -m` begins it, with its own
session, directory, environment and files; only what does not depend on any of these is there already. Commands that a
person types are tested as they are, by `subprocess`.
"""

from __future__ import annotations

import atexit
import os
import pickle
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FORGED = frozenset({"celery", "workbench.serve"})
"""Modules that are started in this way: those of which there are many."""
PRELOADED = (
    "billiard.pool",
    "celery.app.amqp",
    "celery.bin.celery",
    "celery.concurrency.asynpool",
    "celery.concurrency.prefork",
    "celery.worker.consumer",
    "dj_database_url",
    "django.contrib.contenttypes",
    "django.core.checks.messages",
    "django.core.validators",
    "django.db.backends.base.base",
    "django.db.backends.postgresql.psycopg_any",
    "django.db.models",
    "django.utils.timezone",
    "kombu.transport.pyamqp",
    "kombu.transport.redis",
    "prometheus_client",
    "psycopg",
    "redis",
)
SUPPORT = str(Path(__file__).parents[1])
MOST_BYTES = 1 << 20
MOST_FILES = 16
FIRST_SPARE = 200
"""Received files are first kept from this number on, where none is wanted."""
LOOK_SECONDS = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is to be started; its log and then `inherited` come beside it, as files."""

    arguments: tuple[str, ...]
    environment: dict[str, str]
    directory: str
    inherited: tuple[int, ...]


class Forged:
    """A process that was started by the forge, used like a `subprocess.Popen`."""

    def __init__(self, forge: Forge, pid: int) -> None:
        self._forge = forge
        self._returncode: int | None = None
        self.pid = pid

    def poll(self) -> int | None:
        """Return its exit code, or None while it runs."""
        if self._returncode is None:
            self._returncode = self._forge.ask(("poll", self.pid))
        return self._returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end and return the exit code; raises `subprocess.TimeoutExpired`."""
        until = time.monotonic() + timeout if timeout is not None else None
        while (code := self.poll()) is None:
            if until is not None and time.monotonic() > until:
                raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
            time.sleep(LOOK_SECONDS)
        return code

    def send_signal(self, number: int) -> None:
        """Send a signal to it, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


class Forge:
    """The near end: the process that forks, and what may be asked of it."""

    def __init__(self) -> None:
        self._near, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._lock = threading.Lock()
        self._owner = os.getpid()
        with far:
            command = [sys.executable, "-m", "workbench.forge", str(far.fileno())]
            environment = os.environ | {"PYTHONPATH": SUPPORT}
            self._process = subprocess.Popen(command, env=environment, pass_fds=[far.fileno()], start_new_session=True)
        atexit.register(self.close)

    def start(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        directory: Path,
        log: int,
        inherited: tuple[int, ...],
    ) -> Forged:
        """Start `python -m …`; it writes into the log's file and has the inherited ones at the same numbers."""
        order = Order(
            arguments=tuple(command[2:]),
            environment=dict(environment),
            directory=str(directory),
            inherited=inherited,
        )
        return Forged(self, self.ask(("start", order), log, *inherited))

    def ask(self, question: Any, *files: int) -> Any:
        """Return the answer."""
        with self._lock:
            socket.send_fds(self._near, [pickle.dumps(question)], list(files))
            return pickle.loads(self._near.recv(MOST_BYTES))

    def close(self) -> None:
        """End the forge, and what is left of all that it has started."""
        self._near.close()
        if os.getpid() == self._owner:
            self._process.wait()


@cache
def forge_of_session() -> Forge:
    """Return the forge of this run of the tests; the first call starts it."""
    return Forge()


def is_forged(command: Sequence[str]) -> bool:
    """Tell whether a command is one that the forge starts."""
    return tuple(command[:2]) == (sys.executable, "-m") and command[2] in FORGED


# --- the far end ----------------------------------------------------------------------------------


def serve(near: socket.socket) -> tuple[Order, list[int]]:
    """Answer until nobody asks any more; return, in each process that is started, what it is to become.

    Whoever asked may have been killed: then nothing that was started here stays behind.
    """
    started: set[int] = set()
    while True:
        packet, files, _, _ = socket.recv_fds(near, MOST_BYTES, MOST_FILES)
        if not packet:
            _end_groups(started)
            os._exit(0)
        match pickle.loads(packet):
            case ("poll", pid):
                ended, status = os.waitpid(pid, os.WNOHANG)
                answer = os.waitstatus_to_exitcode(status) if ended else None
                started.discard(ended)
            case ("start", order):
                answer = fork_apart()
                if answer == 0:
                    near.close()
                    return order, files
                started.add(answer)
        for file in files:
            os.close(file)
        near.send(pickle.dumps(answer))


def _end_groups(leaders: set[int]) -> None:
    for leader in leaders:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)


def fork_apart() -> int:
    """Fork; return 0 in the child, and in the parent the child's pid once it leads a session of its own."""
    readable, writable = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.setsid()
        os.close(readable)
        os.close(writable)
        return 0
    os.close(writable)
    os.read(readable, 1)  # ends when the child closes its end
    os.close(readable)
    return pid


def become(order: Order, files: list[int]) -> None:
    """Take on what `subprocess` and `python -m` give to a process that they start."""
    _place(files, (1, *order.inherited))
    os.dup2(1, 2)
    with open(os.devnull) as nothing:  # noqa: PTH123  a file number is wanted
        os.dup2(nothing.fileno(), 0)
    os.chdir(order.directory)
    os.environ.clear()
    os.environ.update(order.environment)
    asked = [path for path in order.environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    sys.path[:] = [order.directory, *asked, *(path for path in sys.path[1:] if path != SUPPORT)]
    sys.argv[:] = list(order.arguments)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(write_through=True)


def _place(files: list[int], numbers: tuple[int, ...]) -> None:
    """Let the received files have the numbers that are asked for."""
    for offset, file in enumerate(files):
        os.dup2(file, FIRST_SPARE + offset)
        os.close(file)
    for offset, number in enumerate(numbers):
        os.dup2(FIRST_SPARE + offset, number)
        os.close(FIRST_SPARE + offset)


def _main() -> NoReturn:
    for module in PRELOADED:
        __import__(module)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    order, files = serve(socket.socket(fileno=int(sys.argv[1])))
    become(order, files)
    with suppress(KeyError):
        del sys.modules["workbench.forge"]
    runpy.run_module(order.arguments[0], run_name="__main__", alter_sys=True)
    sys.exit()


if __name__ == "__main__":
    _main()
