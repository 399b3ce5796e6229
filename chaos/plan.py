"""Which fault strikes when: derived from the seed alone, so that a run can be repeated."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chaos.faults.base import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault of the plan."""

    number: int
    kind: Kind
    after_jobs: int
    """It strikes when so many jobs are done."""
    choice: float
    """From 0 up to 1: which of those that it could strike."""
    seconds: float
    """How long it lasts, if it is one that lasts."""

    def __str__(self) -> str:
        return (
            f"#{self.number} after {self.after_jobs} jobs: {self.kind.name} ({self.choice:.2f}, {self.seconds:.1f} s)"
        )


def make_plan(seed: int, kinds: Sequence[Kind], *, jobs: int, faults: int) -> list[Fault]:
    """Spread `faults` faults over the course of `jobs` jobs; each kind occurs if there are enough of them."""
    dice = random.Random(f"{seed}/{jobs}/{faults}")
    chosen = list(kinds)[:faults]
    chosen += dice.choices(kinds, [kind.weight for kind in kinds], k=faults - len(chosen))
    dice.shuffle(chosen)
    return [
        Fault(
            number=number + 1,
            kind=kind,
            after_jobs=int(jobs * (number + dice.random()) / (faults + 1)),
            choice=dice.random(),
            seconds=dice.uniform(*kind.seconds),
        )
        for number, kind in enumerate(chosen)
    ]
