"""Finds the jobs of dead workers and lets them run again, or ends them when they have had their chances."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.db import InterfaceError, OperationalError

from workstate.core.configuration import configuration
from workstate.core.jobs import clock
from workstate.core.jobs.connections import private_connection, publishing_on
from workstate.core.jobs.endings import count_ended
from workstate.core.jobs.enqueue import CHANNEL
from workstate.core.jobs.ledger import Ledger, ledger_on
from workstate.core.jobs.ledger.processes import WORKER_LOST
from workstate.core.jobs.records import Closing, EndedJob, Failure, HeldJob, LiveProcess, Token
from workstate.core.jobs.states import State
from workstate.core.telemetry import emit
from workstate.core.telemetry.catalogue import ProcessLost, ProcessUnrescued
from workstate.core.telemetry.losses import tell_losses
from workstate.core.wakeup import hint_at_once
from workstate.core.worker.followers import tell_followers, tell_followers_left_behind
from workstate.core.worker.machine import is_alive, this_machine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

NO_TIME = timedelta()
GRACE = timedelta(seconds=15)
"""How long a process that is seen to live may be overdue: stopped, or kept from the database."""


class Rescuer:
    """Runs in every worker; any number may run at once.

    1. A process of this machine is lost when its pid is gone; one that lives, when its lease is overdue by `GRACE`.
       A process of another machine is lost when its lease has run out. Whoever could not renew its own lease
       lately judges nobody by a lease: it may be the database that was away.
       So is a process lost that has ended and yet holds jobs.
    2. Whoever takes its lease away rescues its jobs, in the same transaction.
    3. A job that is to be cancelled ends as cancelled. One that was acknowledged early is discarded: it may have begun, and asked not to begin twice.
    4. A job goes back to available. The attempt counts as lost when it is known to have begun, or when none
       was lost before: from then on its beginnings are noted, so that the neighbours of a poison task,
       claimed and never begun, are not blamed with it.
    5. A job that has lost as many attempts as it may is discarded, and its chain and errbacks are told,
       as are those of jobs whose rescuer died before it could tell.
    """

    def __init__(self, alias: str) -> None:
        self._alias = alias

    def rescue(self, *, judges_leases: bool) -> int:
        """Rescue the jobs of all lost processes; returns how many jobs."""
        ledger = ledger_on(private_connection(self._alias))
        lost = self._find_lost(ledger, judges_leases=judges_leases)
        rescued = sum(self._guarded(self._end_and_rescue, ledger, process.id) for process in lost)
        rescued += sum(self._guarded(self._rescue_from, ledger, process_id) for process_id in ledger.ended_holders())
        tell_followers_left_behind(ledger)
        if rescued:
            hint_at_once(self._alias, CHANNEL)
        return rescued

    def _find_lost(self, ledger: Ledger, *, judges_leases: bool) -> list[LiveProcess]:
        here = this_machine()
        lost = {process for process in ledger.processes_on(here) if not is_alive(process.pid, process.pid_started)}
        if judges_leases:
            lost.update(process for process in ledger.expired_processes(overdue=NO_TIME) if process.machine != here)
            lost.update(ledger.expired_processes(overdue=GRACE))
        return sorted(lost)

    def _guarded(self, rescue: Callable[[Ledger, int], int], ledger: Ledger, process_id: int) -> int:
        try:
            return rescue(ledger, process_id)
        except (OperationalError, InterfaceError):
            raise
        except Exception:  # noqa: BLE001  the event's line in the log has the traceback
            # One process whose jobs can't be returned must not keep the others waiting.
            emit(ProcessUnrescued(process_id=process_id))
            return 0

    def _end_and_rescue(self, ledger: Ledger, process_id: int) -> int:
        with ledger.transaction(), publishing_on(ledger.connection):
            if not ledger.end_process(process_id, "lost"):
                return 0  # another rescuer was quicker
            jobs, ended = _return_jobs(ledger, process_id)
        emit(ProcessLost(process_id=process_id, jobs=len(jobs)))
        _tell(ledger, jobs, ended)
        return len(jobs)

    def _rescue_from(self, ledger: Ledger, process_id: int) -> int:
        with ledger.transaction(), publishing_on(ledger.connection):
            jobs, ended = _return_jobs(ledger, process_id)
        _tell(ledger, jobs, ended)
        return len(jobs)


def _return_jobs(ledger: Ledger, process_id: int) -> tuple[list[HeldJob], list[EndedJob]]:
    jobs = ledger.held_by(process_id)
    ended = [end for job in jobs for end in return_or_discard(ledger, job, process_id)]
    count_ended(ledger, ended)
    return jobs, ended


def _tell(ledger: Ledger, jobs: Sequence[HeldJob], ended: Sequence[EndedJob]) -> None:
    tell_losses(ledger, [job.id for job in jobs])
    tell_followers_of_discarded(ledger, ended)


def return_or_discard(ledger: Ledger, job: HeldJob, process_id: int) -> list[EndedJob]:
    """Let a lost worker's job run again, or end it; returns it when it ended, to be counted.

    A notice is left of a discarded one: `tell_followers` is to be called after the commit.
    """
    token = Token(job.id, process_id, job.attempt)
    if job.is_to_be_cancelled and (cancelled := ledger.end_cancel_requested([token])):
        return cancelled
    if job.was_acknowledged:
        return _discard(ledger, job, process_id, "It had begun and asked not to be started twice (acks_late=False).")
    counts = job.was_started or job.lost_attempts == 0
    if counts and job.lost_attempts + 1 >= configuration().max_lost_attempts:
        return _discard(ledger, job, process_id, f"Its worker died {job.lost_attempts + 1} times while it ran.")
    if ledger.return_lost(token, counts=counts):
        return []
    return ledger.end_cancel_requested([token])


def tell_followers_of_discarded(ledger: Ledger, ended: Iterable[EndedJob]) -> None:
    """Tell the followers of those that were discarded, after the commit."""
    for job in ended:
        if job.state is State.DISCARDED:
            tell_followers(ledger, job.id)


def _discard(ledger: Ledger, job: HeldJob, process_id: int, message: str) -> list[EndedJob]:
    closing = Closing(
        job_id=job.id,
        process_id=process_id,
        attempt=job.attempt,
        task=job.task,
        state=State.DISCARDED,
        ended_at=clock.now(),
        failure=Failure.lost(message),
        reason=WORKER_LOST,
        chord_id=job.chord_id,
    )
    ended = ledger.end([closing])
    ledger.leave_notices([job.id for job in ended])
    return ended
