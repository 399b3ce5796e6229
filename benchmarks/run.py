"""Takes all samples of a run, one process for each, repetitions interleaved."""

from __future__ import annotations

import dataclasses
import json
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil

from benchmarks import measures
from benchmarks.measures.base import Sample
from benchmarks.systems import BASELINE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.sizes import Sizes

BUSY_SECONDS = 0.3
"""How long the machine is watched before each sample, to tell what else it was doing."""


@dataclass(slots=True)
class Outcome:
    """What one system answered to one measure, by repetition; and why not, where it did not."""

    samples: dict[int, Sample] = field(default_factory=dict)
    skipped: str | None = None
    void: list[str] = field(default_factory=list)

    def values(self, figure: str) -> list[float]:
        """Return the figure of every repetition that has it."""
        return [sample.figures[figure] for sample in self.samples.values() if figure in sample.figures]

    def median(self, figure: str) -> float | None:
        """Return the figure's median over the repetitions."""
        values = self.values(figure)
        return statistics.median(values) if values else None

    def ratio(self, figure: str, *, to: Outcome, of: str) -> float | None:
        """Return the median, over the repetitions, of this figure over the other outcome's figure `of`."""
        ratios = [
            sample.figures[figure] / to.samples[repetition].figures[of]
            for repetition, sample in self.samples.items()
            if figure in sample.figures and repetition in to.samples and to.samples[repetition].figures.get(of)
        ]
        return statistics.median(ratios) if ratios else None


@dataclass(slots=True)
class Results:
    """All outcomes of a run, by measure and system."""

    sizes: Sizes
    outcomes: dict[str, dict[str, Outcome]] = field(default_factory=dict)
    busy_percents: list[float] = field(default_factory=list)

    def ratio(self, measure: str, system: str, figure: str) -> float | None:
        """Return the system's figure relative to the baseline's, or None where either is missing."""
        baseline = self.outcomes[measure].get(BASELINE)
        if baseline is None:
            return None
        (described,) = (known for known in measures.ALL[measure].figures if known.name == figure)
        return self.outcomes[measure][system].ratio(figure, to=baseline, of=described.against or figure)

    def void(self) -> list[str]:
        """Return what went wrong, a line for each sample that means nothing."""
        return [
            f"{measure} of {system}: {reason}"
            for measure, outcomes in self.outcomes.items()
            for system, outcome in outcomes.items()
            for reason in outcome.void
        ]


def known_systems() -> list[str]:
    """Return the names of everything that any measure asks."""
    return list(dict.fromkeys(name for measure in measures.ALL.values() for name in measure.systems))


def take(measure_names: list[str], system_names: list[str], sizes: Sizes) -> Results:
    """Take all samples: measure by measure, in each the systems in turn, as often as the sizes say."""
    results = Results(sizes)
    for measure_name in measure_names:
        chosen = [name for name in measures.ALL[measure_name].systems if name in system_names]
        outcomes = results.outcomes[measure_name] = {name: Outcome() for name in chosen}
        for repetition, system_name in _interleaved(chosen, sizes.repetitions):
            outcome = outcomes[system_name]
            if outcome.skipped is None:
                _progress(f"{measure_name}: {system_name}, {repetition + 1} of {sizes.repetitions}")
                results.busy_percents.append(psutil.cpu_percent(interval=BUSY_SECONDS))
                _record(_take_one(measure_name, system_name, sizes), outcome, repetition)
    return results


def _interleaved(system_names: list[str], repetitions: int) -> Iterator[tuple[int, str]]:
    for repetition in range(repetitions):
        for name in system_names:
            yield repetition, name


def _take_one(measure_name: str, system_name: str, sizes: Sizes) -> dict[str, object]:
    command = [sys.executable, "-m", "benchmarks.sample", measure_name, system_name]
    process = subprocess.run(
        [*command, json.dumps(dataclasses.asdict(sizes))], stdout=subprocess.PIPE, text=True, check=False
    )
    lines = process.stdout.splitlines()
    if process.returncode or not lines:
        return {"void": f"the sample's process ended with {process.returncode}"}
    return json.loads(lines[-1])


def _record(answer: dict[str, object], outcome: Outcome, repetition: int) -> None:
    match answer:
        case {"sample": dict(sample)}:
            outcome.samples[repetition] = Sample(**sample)
        case {"skipped": str(reason)}:
            outcome.skipped = reason
        case {"void": str(reason)}:
            outcome.void.append(reason)


def _progress(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
