"""Every kind of fault: whom it strikes and, of one that lasts, how it ends. `base` is what they have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.faults import brokers, databases, network, processes

if TYPE_CHECKING:
    from chaos.faults.base import Kind
    from chaos.lanes import Lane

KINDS = (*processes.KINDS, *databases.KINDS, *brokers.KINDS, *network.KINDS)


def kinds_for(lane: type[Lane]) -> list[Kind]:
    """Return the kinds that a lane can be struck by."""
    return [kind for kind in KINDS if kind.needs <= lane.features()]
