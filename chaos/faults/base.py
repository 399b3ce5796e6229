"""What every fault has in common: whom it may strike, where, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from chaos.cast import Cast
    from chaos.lanes import Lane
    from chaos.plan import Fault

NOBODY = "nobody was there"

T = TypeVar("T")


@dataclass(slots=True, kw_only=True)
class Stage:
    """Where faults strike: the lane's servers, the cast, and what is to be healed when its time has come."""

    lane: Lane
    cast: Cast
    healings: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def heal_after(self, seconds: float, heal: Callable[[], None]) -> None:
        """Have a lasting fault end after so many seconds."""
        self.healings.append((monotonic() + seconds, heal))

    def heal(self, *, at_once: bool = False) -> None:
        """End the faults whose time has come, or all of them."""
        due = [healing for healing in self.healings if at_once or healing[0] <= monotonic()]
        for healing in due:
            self.healings.remove(healing)
            healing[1]()


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of fault; `strike` returns whom it struck."""

    name: str
    strike: Callable[[Stage, Fault], str]
    weight: float = 1
    needs: frozenset[str] = frozenset()
    seconds: tuple[float, float] = (0, 0)


def one_of(candidates: Sequence[T], fault: Fault) -> T | None:
    """Choose as the plan says; None when there is nobody."""
    return candidates[int(fault.choice * len(candidates))] if candidates else None
