"""The contract: one question, asked of one system in a fresh process, answered in figures."""

from __future__ import annotations

import os
import tempfile
from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from benchmarks import places, services, systems

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.sizes import Sizes
    from benchmarks.systems.base import System

PRODUCT = "workstate_up"
SERVER_VARIABLES = ("DATABASE_URL", "REDIS_URL", "REDIS_HOST", "CELERY_BROKER_URL", "CELERY_RESULT_BACKEND")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number of an answer; `against` names the baseline's figure that it is compared with, if not its own."""

    name: str
    decimals: int = 0
    against: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What one system answered once, and what it was while it did."""

    label: str
    notes: str
    records: str
    durability: str
    figures: dict[str, float]


class Measure(ABC):
    """One question; its `method` may name any of the sizes in braces."""

    title: ClassVar[str]
    method: ClassVar[str]
    figures: ClassVar[tuple[Figure, ...]]
    systems: ClassVar[tuple[str, ...]]

    @abstractmethod
    def sample(self, system_name: str, sizes: Sizes) -> Sample:
        """Start everything, measure once, stop everything."""


class SystemMeasure(Measure):
    """A question that is asked of Workstate and its peers alike."""

    systems = systems.ALL

    def sample(self, system_name: str, sizes: Sizes) -> Sample:
        with temporary_directory() as directory, services.redis_server(directory) as redis_url:
            os.environ[places.REDIS_URL] = redis_url
            system = systems.load(system_name)
            with _services_of(system):
                return Sample(
                    label=system.label,
                    notes=system.notes,
                    records=system.records,
                    durability=system.durability(),
                    figures=self.measure(system, sizes),
                )

    @abstractmethod
    def measure(self, system: System, sizes: Sizes) -> dict[str, float]:
        """Measure once, with the system's services running and its workers not."""


class ProductMeasure(Measure):
    """A question that is asked of the whole product, started as a user starts it."""

    systems = (PRODUCT,)

    def sample(self, system_name: str, sizes: Sizes) -> Sample:
        # Empty, not absent: a .env file of the caller's fills in only what is absent.
        os.environ.update(dict.fromkeys(SERVER_VARIABLES, ""))
        with temporary_directory() as directory:
            return Sample(
                label="workstate up --demo",
                notes="supervisor, web, worker of two slots and scheduler, as shipped",
                records="every job with its result",
                durability="SQLite as shipped",
                figures=self.measure(directory, sizes),
            )

    @abstractmethod
    def measure(self, directory: Path, sizes: Sizes) -> dict[str, float]:
        """Measure once; the product keeps its data under the directory."""


@contextmanager
def temporary_directory() -> Iterator[Path]:
    """Make the sample's directory, known to its processes through the environment; remove it in the end."""
    with tempfile.TemporaryDirectory(prefix="workstate_bench_") as name:
        os.environ[places.DIRECTORY] = name
        yield Path(name)


@contextmanager
def _services_of(system: System) -> Iterator[None]:
    system.start_services()
    try:
        yield
    finally:
        system.stop_services()
