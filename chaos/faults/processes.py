"""Faults of the processes at work: killed, asked to stop, frozen."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from chaos.faults.base import NOBODY, Kind, one_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from chaos.cast import Seat
    from chaos.faults.base import Stage
    from chaos.plan import Fault

WORKERS = ("prefork", "threads")
EVERYBODY = (*WORKERS, "producer", "beat")
LONGER_THAN_A_LEASE = (33, 40)
"""A lease of 15 s and as much grace have run out, so its jobs were rescued."""


def _kill(*kinds: str) -> Callable[[Stage, Fault], str]:
    def strike(stage: Stage, fault: Fault) -> str:
        seat = one_of(stage.cast.alive(*kinds), fault)
        if seat is None:
            return NOBODY
        seat.strike(signal.SIGKILL)
        return seat.name

    return strike


def _kill_with_children(stage: Stage, fault: Fault) -> str:
    seat = one_of(stage.cast.alive(*WORKERS), fault)
    if seat is None:
        return NOBODY
    seat.strike_group()
    return seat.name


def _kill_pool_child(stage: Stage, fault: Fault) -> str:
    pid = one_of(stage.cast.pool_children(), fault)
    if pid is None:
        return NOBODY
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    return str(pid)


def _kill_all_workers(stage: Stage, fault: Fault) -> str:
    seats = stage.cast.alive(*WORKERS)
    for seat in seats:
        seat.strike(signal.SIGKILL)
    return " ".join(seat.name for seat in seats) or NOBODY


def _ask_to_stop(number: signal.Signals) -> Callable[[Stage, Fault], str]:
    def strike(stage: Stage, fault: Fault) -> str:
        seat = one_of([seat for seat in stage.cast.alive(*WORKERS) if not seat.is_frozen], fault)
        if seat is None:
            return NOBODY
        seat.strike(number)
        return seat.name

    return strike


def _freeze(*kinds: str) -> Callable[[Stage, Fault], str]:
    def strike(stage: Stage, fault: Fault) -> str:
        seat = one_of([seat for seat in stage.cast.alive(*kinds) if not seat.is_frozen], fault)
        if seat is None:
            return NOBODY
        _freeze_seat(stage, seat, fault.seconds)
        return seat.name

    return strike


def _freeze_seat(stage: Stage, seat: Seat, seconds: float) -> None:
    process = seat.process
    assert process is not None
    process.send(signal.SIGSTOP)
    seat.is_frozen = True

    def thaw() -> None:
        if process is seat.process:
            seat.is_frozen = False
        if process.returncode is None:
            process.send(signal.SIGCONT)

    stage.heal_after(seconds, thaw)


KINDS = (
    Kind(name="kill a worker", strike=_kill(*WORKERS), weight=6),
    Kind(name="kill a worker and its pool", strike=_kill_with_children, weight=4),
    Kind(name="kill a pool process", strike=_kill_pool_child, weight=6),
    Kind(name="kill all workers", strike=_kill_all_workers),
    Kind(name="kill a producer", strike=_kill("producer"), weight=5),
    Kind(name="kill a scheduler", strike=_kill("beat"), weight=4),
    Kind(name="warm shutdown", strike=_ask_to_stop(signal.SIGTERM), weight=3),
    Kind(name="cold shutdown", strike=_ask_to_stop(signal.SIGQUIT), weight=2),
    Kind(name="freeze a process", strike=_freeze(*EVERYBODY), weight=4, seconds=(0.2, 6)),
    Kind(name="freeze a worker for long", strike=_freeze(*WORKERS), weight=1, seconds=LONGER_THAN_A_LEASE),
)
