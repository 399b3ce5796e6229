"""One run, from an empty ledger to the verdict."""

from __future__ import annotations

import math
import os
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from chaos.cast import Cast
from chaos.evidence import Evidence
from chaos.faults import kinds_for
from chaos.faults.base import NOBODY, Stage
from chaos.faults.processes import WORKERS
from chaos.invariants import INVARIANTS
from chaos.lanes import LANES
from chaos.plan import make_plan
from chaos.progress import Progress
from chaos.project.produce import GATE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from chaos.plan import Fault

LOOK_SECONDS = 0.05
STALL_SECONDS = 5.0
"""When nothing was done for so long, the next fault does not wait for progress."""
SMALLEST_BACKLOG = 200
BACKLOG_SHARE = 0.03
"""How many jobs producers may be ahead, of all jobs."""
REST_SECONDS = 180
"""How long the end is waited for while no job ends; a busy machine may take its time as long as it gets on."""
SCHEDULES_EVERY_SECONDS = (0.5, 1.0, 2.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much is done to whom."""

    lane: str
    seed: int
    jobs: int
    faults: int
    minutes: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of a run: nothing in `violations` is what is wanted."""

    violations: dict[str, list[str]]
    struck: list[str]
    jobs: dict[str, int]
    """How many ended in each state."""
    repeated: int
    """How many jobs began more than once."""
    seconds: float


class Run:
    """A run in a directory of its own, where journals and logs are."""

    def __init__(self, sizes: Sizes, directory: Path, say: Callable[[str], None]) -> None:
        self._sizes = sizes
        self._directory = directory
        self._say = say
        self._lane = LANES[sizes.lane](directory)
        self._plan = make_plan(sizes.seed, kinds_for(LANES[sizes.lane]), jobs=sizes.jobs, faults=sizes.faults)
        self._progress = Progress(directory)
        self._deadline = 0.0
        self._complaints: list[str] = []
        self._struck: list[str] = []

    def carry_out(self) -> Verdict:
        """Start everything, strike, heal, rest, stop, judge."""
        began = monotonic()
        self._deadline = began + self._sizes.minutes * 60
        with closing(self._progress), self._started_lane():
            _set_up_django(self._lane.addresses(by_proxy=False), self._directory)
            _prepare_ledger()
            cast = Cast(self._lane, self._directory, self._sizes.seed)
            stage = Stage(lane=self._lane, cast=cast)
            try:
                self._open_gate("go")
                cast.start()
                self._strike_all(stage)
                self._come_to_rest(stage)
                cast.stop()
            finally:
                stage.heal(at_once=True)
                cast.end()
            self._complaints += cast.complaints
            return self._judge(monotonic() - began)

    @contextmanager
    def _started_lane(self) -> Iterator[None]:
        self._lane.start()
        try:
            yield
        finally:
            self._lane.stop()

    # --- striking ------------------------------------------------------------------------------------

    def _strike_all(self, stage: Stage) -> None:
        for fault in self._plan:
            self._wait_for_progress(stage, fault.after_jobs)
            if monotonic() > self._deadline:
                self._say(f"the time is over before fault {fault.number} of {len(self._plan)}")
                return
            self._strike(stage, fault)
        while self._progress.committed < self._sizes.jobs and monotonic() < self._deadline:
            self._look(stage)

    def _strike(self, stage: Stage, fault: Fault) -> None:
        deadline = monotonic() + STALL_SECONDS
        while (whom := fault.kind.strike(stage, fault)) == NOBODY and monotonic() < deadline:
            self._look(stage)
        self._struck.append(fault.kind.name)
        self._say(f"{fault}: {whom}; done {self._progress.done}, committed {self._progress.committed}")

    def _wait_for_progress(self, stage: Stage, jobs: int) -> None:
        done, since = self._progress.done, monotonic()
        while self._progress.done < jobs and monotonic() - since < STALL_SECONDS:
            self._look(stage)
            if self._progress.done > done:
                done, since = self._progress.done, monotonic()

    def _look(self, stage: Stage) -> None:
        stage.heal()
        stage.cast.keep_up()
        self._progress.look()
        ahead = max(SMALLEST_BACKLOG, self._sizes.jobs * BACKLOG_SHARE)
        self._open_gate("go" if self._progress.committed < self._progress.done + ahead else "wait")
        time.sleep(LOOK_SECONDS)

    def _open_gate(self, word: str) -> None:
        whole = self._directory / f"{GATE}.new"
        whole.write_text(word)
        whole.replace(self._directory / GATE)

    # --- the end ---------------------------------------------------------------------------------------

    def _come_to_rest(self, stage: Stage) -> None:
        """Heal everything, end production, and wait until every job has ended."""
        stage.heal(at_once=True)
        self._open_gate("stop")
        _halt_schedules()
        fewest, deadline = math.inf, 0.0
        while (unended := _count_unended()) and (unended < fewest or monotonic() < deadline):
            if unended < fewest:
                fewest, deadline = unended, monotonic() + REST_SECONDS
            stage.cast.keep_up(*WORKERS)
            time.sleep(LOOK_SECONDS)
        deadline = monotonic() + REST_SECONDS
        while _count_dead_but_living(stage.cast) and monotonic() < deadline:
            time.sleep(LOOK_SECONDS)
        self._say(f"at rest, with {unended} jobs that have not ended")

    def _judge(self, seconds: float) -> Verdict:
        evidence = Evidence.gather(self._directory)
        found = {check.__name__: list(check(evidence)) for check in INVARIANTS}
        found["no process ended by itself"] = self._complaints
        states = [job.state for job in evidence.jobs.values()]
        return Verdict(
            violations={name: violations for name, violations in found.items() if violations},
            struck=self._struck,
            jobs={state: states.count(state) for state in sorted(set(states))},
            repeated=sum(len(starts) > 1 for starts in evidence.journals.starts.values()),
            seconds=seconds,
        )


def _set_up_django(addresses: Mapping[str, str], directory: Path) -> None:
    import django

    os.environ.update(addresses)
    os.environ.update(DJANGO_SETTINGS_MODULE="chaos.project.settings", CHAOS_DIRECTORY=str(directory))
    django.setup()


def _prepare_ledger() -> None:
    from django.core.management import call_command

    from workbench import endings
    from workstate.core.schedules.services import create_schedule

    call_command("migrate", verbosity=0)
    endings.watch()
    for seconds in SCHEDULES_EVERY_SECONDS:
        create_schedule(
            name=f"chaos {seconds}",
            task="chaos.project.tasks.due",
            args=[f"every-{seconds}"],
            timing={"every_seconds": seconds},
            catch_up="run_all",
        )


def _halt_schedules() -> None:
    from django.db import connections

    from workstate.core.schedules.models import Schedule

    connections.close_all()  # what the faults broke
    Schedule.objects.update(is_enabled=False)


def _count_unended() -> int:
    from workstate.core.jobs.models import Job
    from workstate.core.jobs.states import ENDED

    return Job.objects.exclude(state__in=ENDED).count()


def _count_dead_but_living(cast: Cast) -> int:
    from workstate.core.jobs.models import Process

    pids = {seat.process.pid for seat in cast.seats if seat.process}
    return Process.objects.filter(ended_at=None).exclude(pid__in=pids).count()
