"""Real processes: start them, weigh them, end them."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import TYPE_CHECKING, Self

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from types import TracebackType

STOP_PATIENCE_SECONDS = 20
LOG_TAIL_CHARACTERS = 2000
MEGABYTE = 1024 * 1024


class Processes:
    """Processes that run while the `with` block does, each in a session of its own, all logging to one file."""

    def __init__(self, commands: Iterable[list[str]], *, directory: Path, name: str) -> None:
        self.commands = list(commands)
        self.log = directory / f"{name}.log"
        self.running: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        self._start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for process in self.running:
            process.terminate()
        for process in self.running:
            _end(process)
        if error is not None:
            error.add_note(f"The end of {self.log.name}:\n{self.log_tail()}")

    def start_again(self) -> None:
        """Start processes in the place of those that were killed."""
        for process in self.running:
            _end(process)
        self.running.clear()
        self._start()

    def _start(self) -> None:
        with self.log.open("ab") as log:
            for command in self.commands:
                self.running.append(
                    subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
                )

    def all_run(self) -> bool:
        """Tell whether none of the processes has ended."""
        return all(process.poll() is None for process in self.running)

    def log_tail(self) -> str:
        """Return the end of what the processes wrote."""
        return self.log.read_text(errors="replace")[-LOG_TAIL_CHARACTERS:]

    def memory_megabytes(self) -> float:
        """Return the proportional set size of the processes and all that they started."""
        return sum(process.memory_full_info().pss for process in self._tree()) / MEGABYTE

    def resident_megabytes(self) -> float:
        """Return the resident set size of the processes and all that they started; shared pages count each time."""
        return sum(process.memory_info().rss for process in self._tree()) / MEGABYTE

    def cpu_seconds(self) -> float:
        """Return the processor time that the processes and all that they started have used so far."""
        return sum(sum(process.cpu_times()[:2]) for process in self._tree())

    def _tree(self) -> list[psutil.Process]:
        parents = [psutil.Process(process.pid) for process in self.running]
        return [*parents, *(child for parent in parents for child in parent.children(recursive=True))]


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(timeout=STOP_PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    _kill_session(process.pid)


def _kill_session(leader: int) -> None:
    """End what a leader left behind in its process group."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return  # the usual case: nothing was left
