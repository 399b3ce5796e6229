"""Faults of the network between half of the processes and a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.faults.base import Kind
from chaos.faults.processes import LONGER_THAN_A_LEASE
from chaos.lanes import PROXY

if TYPE_CHECKING:
    from chaos.faults.base import Stage
    from chaos.plan import Fault


def _silence(stage: Stage, fault: Fault) -> str:
    name, within = _choose(stage, fault)
    proxy = stage.lane.proxies[name]
    proxy.fall_silent()
    is_cut_at_the_end = within < 0.5  # noqa: PLR2004  one half
    stage.heal_after(fault.seconds, proxy.cut if is_cut_at_the_end else proxy.resume)
    return f"the way to {name}"


def _cut(stage: Stage, fault: Fault) -> str:
    name, _ = _choose(stage, fault)
    stage.lane.proxies[name].cut()
    return f"the way to {name}"


def _choose(stage: Stage, fault: Fault) -> tuple[str, float]:
    """Return a server by the plan, and what is left of its choice, from 0 up to 1."""
    names = sorted(stage.lane.proxies)
    index, within = divmod(fault.choice * len(names), 1)
    return names[int(index)], within


NEEDS = frozenset({PROXY})

KINDS = (
    Kind(name="silence the network", strike=_silence, weight=2, needs=NEEDS, seconds=(0.5, 8)),
    Kind(name="silence the network for long", strike=_silence, weight=0.5, needs=NEEDS, seconds=LONGER_THAN_A_LEASE),
    Kind(name="cut the network", strike=_cut, weight=3, needs=NEEDS),
)
