"""The contract: one way to run background work, driven as its users drive it.

A system's module holds its application and its tasks too, so that its workers import
what the benchmark imports.
"""

from __future__ import annotations

import sys
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from benchmarks import places
from benchmarks.processes import Processes

if TYPE_CHECKING:
    from collections.abc import Callable

WORKERS = 2
TRANSACTION_CALLS = 100
CLOSING_PATIENCE_SECONDS = 10
CLOSING_POLL_SECONDS = 0.05


class VoidSampleError(Exception):
    """The system did not do what the sample measured: its figures mean nothing."""


class System(ABC):
    """A peer or Workstate itself; made in the process of one sample, with `places` set."""

    label: ClassVar[str]
    notes: ClassVar[str]
    records: ClassVar[str] = "nothing"
    supports_transactions: ClassVar[bool] = False

    def start_services(self) -> None:  # noqa: B027  Redis is all that most systems need
        """Make what the system keeps its queue in, beyond the sample's Redis."""

    def stop_services(self) -> None:  # noqa: B027
        """Remove what `start_services` made."""

    @abstractmethod
    def durability(self) -> str:
        """Return what outlives a crash of the machine, as read from the settings in force."""

    @abstractmethod
    def worker_commands(self) -> list[list[str]]:
        """Return the command lines of the workers, two execution slots in all."""

    @abstractmethod
    def enqueue(self, count: int) -> None:
        """Enqueue `count` counting tasks one call at a time, each in a transaction of its own where there are any."""

    def enqueue_in_transactions(self, count: int) -> None:
        """Enqueue `count` counting tasks one call at a time, a hundred calls in a transaction."""
        raise NotImplementedError

    def enqueue_bulk(self, count: int) -> None:
        """Enqueue `count` counting tasks by the best means that the system has for many."""
        self.enqueue(count)

    @abstractmethod
    def enqueue_probe(self, sent_at: float) -> None:
        """Enqueue one task that records how long after `sent_at` it starts."""

    def verify(self, count: int) -> None:
        """Raise VoidSampleError unless the `count` tasks that ran are recorded as this system promises."""
        return

    def workers(self, name: str = "workers") -> Processes:
        """Return the workers, to be entered with `with`; a second set of them needs another name."""
        return Processes(self.worker_commands(), directory=places.directory(), name=name)


def program(name: str) -> str:
    """Return the path of a console script of the environment that runs the benchmark."""
    return str(Path(sys.executable).with_name(name))


def wait_for_records(count: int, count_recorded: Callable[[], int]) -> None:
    """Give the last tasks, counted before they are closed, a moment; raise VoidSampleError when records are missing."""
    deadline = time.monotonic() + CLOSING_PATIENCE_SECONDS
    while (recorded := count_recorded()) < count:
        if time.monotonic() > deadline:
            raise VoidSampleError(f"{count} tasks ran, {recorded} are recorded as promised")
        time.sleep(CLOSING_POLL_SECONDS)
