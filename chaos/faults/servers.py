"""Faults that any server may have."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from chaos.faults.base import Stage
    from chaos.plan import Fault


def down(name: str, stop: Callable[[Stage], None] | None = None) -> Callable[[Stage, Fault], str]:
    """Return a fault that stops a server in some way, or kills it, and starts it again after a while."""

    def strike(stage: Stage, fault: Fault) -> str:
        stage.heal(at_once=True)  # what else lasts may not outlive the server that it strikes
        server = stage.lane.servers[name]
        if stop is None:
            server.kill()
        else:
            stop(stage)
        stage.heal_after(fault.seconds, server.start)
        return "the server"

    return strike


def freeze(name: str) -> Callable[[Stage, Fault], str]:
    """Return a fault that lets a server stand still for a while."""

    def strike(stage: Stage, fault: Fault) -> str:
        server = stage.lane.servers[name]
        server.signal(signal.SIGSTOP)
        stage.heal_after(fault.seconds, lambda: server.signal(signal.SIGCONT))
        return "the server"

    return strike
