"""The processes of a run, kept at strength: who ended is started again, and who ended by itself is noted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import psutil

from workbench.processes import Process

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from chaos.lanes import Lane

REPOSITORY = Path(__file__).parents[1]
RESTART_SECONDS = 0.3
STOP_SECONDS = 180
"""How long an unfrozen process may take to stop when asked; it is killed then, and that is noted."""
TOO_EARLY = ("Could not start worker processes", "in get_process_queues")
"""With these Celery's worker ends when a pool process is killed before the worker is connected for the first time."""
IN_COLD_SHUTDOWN = "in on_cold_shutdown"
"""Celery's own cold shutdown waits for ever when it comes while a job is being written to the pool; no job is lost."""
CELERY = (sys.executable, "-m", "celery", "-A", "chaos.project")
QUIET = ("-l", "INFO")
LEAN = ("--without-gossip", "--without-mingle")


class Seat:
    """One place in the cast, and the process that fills it now."""

    def __init__(self, name: str, command: tuple[str, ...], environment: Mapping[str, str], directory: Path) -> None:
        self.name = name
        self.kind = name.rstrip("0123456789")
        self._command = command
        self._environment = dict(environment)
        self._directory = directory
        self.process: Process | None = None
        self.is_frozen = False
        self._is_to_end = False
        self._asked_at = 0.0
        self._free_since = 0.0
        self._former: list[Process] = []

    @property
    def is_alive(self) -> bool:
        """Tell whether a process sits here and has not been told to go."""
        return self.process is not None and self.process.returncode is None and not self._is_to_end

    @property
    def ended_too_early(self) -> bool:
        """Tell whether Celery's worker gave up because a fault struck its pool before it had begun."""
        assert self.process is not None
        return any(words in self.process.log_tail() for words in TOO_EARLY)

    def fill(self) -> None:
        """Start a process for the seat."""
        self.process = Process(self.name, self._command, environment=self._environment, directory=self._directory)
        self.is_frozen = self._is_to_end = False

    def strike(self, number: signal.Signals) -> None:
        """Send a signal that the process is to end by."""
        assert self.process is not None
        self._is_to_end = True
        self._asked_at = monotonic()
        self.process.send(number)

    def strike_group(self) -> None:
        """Kill the process and its children at once."""
        assert self.process is not None
        self._is_to_end = True
        self.process.end_group()

    def pool_children(self) -> list[int]:
        """Return the pids of the pool's processes; none when the process is just ending."""
        try:
            return self.process.children() if self.process else []
        except psutil.NoSuchProcess:
            return []

    def keep_filled(self) -> str | None:
        """Fill the seat a while after its process ended; returns what was wrong with its end."""
        assert self.process is not None
        if self.process.returncode is None:
            return self._hurry()
        complaint = None
        if not self._free_since:
            self._free_since = monotonic()
            self._former.append(self.process)
            if not self._is_to_end and not self.ended_too_early:
                complaint = f"{self.name} ended by itself with {self.process.returncode}"
        elif monotonic() - self._free_since > RESTART_SECONDS:
            self._free_since = 0.0
            self.fill()
        return complaint

    def end(self) -> None:
        """End every process that ever sat here, and what it left behind."""
        for process in [*self._former, *([self.process] if self.process else [])]:
            process.end_group()

    def late(self) -> str | None:
        """Say that the process did not stop in time, and where its threads are; None when Celery is to blame."""
        assert self.process is not None
        stacks = self.process.show_stacks()
        if IN_COLD_SHUTDOWN in stacks:
            return None
        return f"{self.name} did not stop within {STOP_SECONDS} s of being asked:\n{stacks}"

    def _hurry(self) -> str | None:
        is_late = self._is_to_end and not self.is_frozen and monotonic() - self._asked_at > STOP_SECONDS
        if not is_late:
            return None
        complaint = self.late()
        self.strike_group()
        return complaint


class Cast:
    """All seats of a run."""

    def __init__(self, lane: Lane, directory: Path, seed: int) -> None:
        self._lane = lane
        self._directory = directory
        self.complaints: list[str] = []
        self.seats = [self._seat(*role) for role in _roles(seed)]

    def start(self) -> None:
        """Start them all."""
        for seat in self.seats:
            seat.fill()

    def keep_up(self, *kinds: str) -> None:
        """Fill empty seats, of all kinds unless some are named, and note who ended by itself."""
        for seat in self.seats:
            if (not kinds or seat.kind in kinds) and (complaint := seat.keep_filled()):
                self.complaints.append(complaint)

    def alive(self, *kinds: str) -> list[Seat]:
        """Return the seats of these kinds whose process lives and is not to end."""
        return [seat for seat in self.seats if seat.kind in kinds and seat.is_alive]

    def pool_children(self) -> list[int]:
        """Return the processes of all pools."""
        return [pid for seat in self.alive("prefork") for pid in seat.pool_children()]

    def stop(self) -> None:
        """Ask all to stop and wait for it; who does not, or complains by its exit code, is noted."""
        living = [seat for seat in self.seats if seat.is_alive]
        for seat in living:
            if seat.kind != "producer":  # those end by their gate
                seat.strike(signal.SIGTERM)
        for seat in self.seats:  # a fault may have asked some before
            code = self._await_end(seat)
            # -SIGTERM: it was still starting
            if seat in living and code not in {None, 0, -signal.SIGTERM} and not seat.ended_too_early:
                self.complaints.append(f"{seat.name} was asked to stop and ended with {code}")

    def end(self) -> None:
        """End everything at once."""
        for seat in self.seats:
            seat.end()

    def _await_end(self, seat: Seat) -> int | None:
        assert seat.process is not None
        try:
            return seat.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.complaints += filter(None, [seat.late()])
            return None

    def _seat(self, name: str, command: tuple[str, ...], by_proxy: bool) -> Seat:
        variables = {
            "PYTHONPATH": os.pathsep.join(str(REPOSITORY / folder) for folder in ("", "src", "tests/support")),
            "PYTHONUNBUFFERED": "1",
            "DJANGO_SETTINGS_MODULE": "chaos.project.settings",
            "CHAOS_DIRECTORY": str(self._directory),
        }
        environment = os.environ | variables | dict(self._lane.addresses(by_proxy=by_proxy))
        return Seat(name, command, environment, self._directory)


def _roles(seed: int) -> Iterator[tuple[str, tuple[str, ...], bool]]:
    for number, by_proxy in ((1, False), (2, True)):
        produce = (sys.executable, "-m", "chaos.project.produce", f"producer{number}", str(seed))
        yield f"producer{number}", produce, by_proxy
        yield f"beat{number}", (*CELERY, "beat", *QUIET), by_proxy
        prefork = ("-P", "prefork", "-c", "2", "-Q", "celery,poison", "-n", f"prefork{number}@%h")
        yield f"prefork{number}", (*CELERY, "worker", *QUIET, *LEAN, *prefork), by_proxy
    threads = ("-P", "threads", "-c", "4", "-n", "threads1@%h")
    yield "threads1", (*CELERY, "worker", *QUIET, *LEAN, *threads), False
