"""What is left of a run: the ledger's tables, and the journals that were written beside them."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from chaos.project import journal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

TASKS = "chaos.project.tasks."


class JobRow(NamedTuple):
    """A job as the ledger has it in the end."""

    task_id: str
    task: str
    state: str
    attempt: int
    lost_attempts: int
    process_id: int | None
    acknowledged_at: datetime | None
    chord_id: str | None
    batch_id: int | None
    reason: str | None
    error_type: str | None

    @property
    def kind(self) -> str:
        """The task's name without its module."""
        return self.task.removeprefix(TASKS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChordRow:
    """A chord's counters, and the job that is its body."""

    chord_id: str
    size: int | None
    completed: int
    is_fired: bool
    header: frozenset[str]
    body_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """A batch's counters, its jobs, and the jobs that were to follow it."""

    batch_id: int
    size: int | None
    ended: int
    members: frozenset[str]
    callbacks: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRow:
    """A schedule's due times as they should have been, and those that were recorded with the ids of their jobs."""

    name: str
    expected: list[datetime]
    recorded: list[tuple[datetime, str, str]]


@dataclass(slots=True, kw_only=True)
class Journals:
    """What producers and tasks wrote while they lived, by task id."""

    begun: set[str] = field(default_factory=set)
    """Keys, not ids."""
    committed: Counter[str] = field(default_factory=Counter)
    rolled_back: set[str] = field(default_factory=set)
    withdrawn: set[str] = field(default_factory=set)
    replayed: set[str] = field(default_factory=set)
    starts: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """The number of retries at each start."""
    ends: Counter[str] = field(default_factory=Counter)
    moments: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """When each job began and ended, as numbers of lines: one after the other, whichever process wrote them."""
    keys: dict[str, str] = field(default_factory=dict)
    """The key by which each job was enqueued."""
    sums: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))

    @classmethod
    def read(cls, directory: Path) -> Journals:
        """Read both files of a run."""
        journals = cls()
        for name in (journal.PRODUCED, journal.EFFECTS):
            for number, line in enumerate((directory / name).read_text().splitlines()):
                journals._take(number, *line.split(" "))
        return journals

    def _take(self, number: int, verb: str, *words: str) -> None:
        match verb, words:
            case "begin", (key,):
                self.begun.add(key)
            case "committed", ids:
                self.committed.update(ids)
            case "rolled-back", ids:
                self.rolled_back.update(ids)
            case "withdrawn", (task_id,):
                self.withdrawn.add(task_id)
            case "replayed", (task_id,):
                self.replayed.add(task_id)
            case "start", (task_id, key, retries):
                self.keys[task_id] = key
                self.starts[task_id].append(int(retries))
                self.moments[task_id].append(number)
            case "end", (task_id, _):
                self.ends[task_id] += 1
                self.moments[task_id].append(number)
            case "body", (task_id, _, total):
                self.sums[task_id].add(int(total))
            case _:
                raise ValueError(f"A journal has the line {verb} {' '.join(words)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """All that a run is judged by."""

    jobs: dict[str, JobRow]
    endings: Counter[str]
    intents: set[str]
    journals: Journals
    chords: list[ChordRow]
    batches: list[BatchRow]
    schedules: list[ScheduleRow]
    living: list[str]
    """Processes that the ledger takes for alive, when all have stopped."""

    @classmethod
    def gather(cls, directory: Path) -> Evidence:
        """Read the tables, through Django as it is set up, and the journals."""
        from chaos.project.models import Intent
        from workbench import endings
        from workstate.core.jobs.models import Job, Process

        rows = [JobRow(*row) for row in Job.objects.values_list(*JobRow._fields)]
        return cls(
            jobs={row.task_id: row for row in rows},
            endings=Counter(task_id for task_id, _ in endings.noted()),
            intents=set(Intent.objects.values_list("task_id", flat=True)),
            journals=Journals.read(directory),
            chords=list(_chords()),
            batches=list(_batches()),
            schedules=list(_schedules()),
            living=[str(process) for process in Process.objects.filter(ended_at=None)],
        )


def _chords() -> Iterator[ChordRow]:
    from workstate.core.jobs.models import Chord, Job

    headers: dict[str, set[str]] = defaultdict(set)
    bodies: dict[str, str] = {}
    for chord_id, task_id, text in Job.objects.exclude(chord_id=None).values_list("chord_id", "task_id", "body"):
        headers[chord_id].add(task_id)
        bodies[chord_id] = json.loads(text)[2]["chord"]["options"]["task_id"]
    for chord in Chord.objects.all():
        yield ChordRow(
            chord_id=chord.chord_id,
            size=chord.size,
            completed=chord.completed,
            is_fired=chord.fired_at is not None,
            header=frozenset(headers[chord.chord_id]),
            body_id=bodies.get(chord.chord_id, ""),
        )


def _batches() -> Iterator[BatchRow]:
    from workstate.core.jobs.models import Batch, Job

    members: dict[int, set[str]] = defaultdict(set)
    for batch_id, task_id in Job.objects.exclude(batch_id=None).values_list("batch_id", "task_id"):
        members[batch_id].add(task_id)
    callbacks: dict[int, list[str]] = defaultdict(list)
    for task_id, body in Job.objects.filter(task=f"{TASKS}closing").values_list("task_id", "body"):
        [batch_id], _, _ = json.loads(body)
        callbacks[batch_id].append(task_id)
    for batch in Batch.objects.all():
        yield BatchRow(
            batch_id=batch.pk,
            size=batch.size,
            ended=batch.ended,
            members=frozenset(members[batch.pk]),
            callbacks=callbacks[batch.pk],
        )


def _schedules() -> Iterator[ScheduleRow]:
    from workstate.core.schedules.models import Schedule

    for schedule in Schedule.objects.filter(name__startswith="chaos "):
        runs = sorted(schedule.runs.values_list("due_at", "outcome", "task_id"))
        yield ScheduleRow(name=schedule.name, expected=list(_due_times(schedule, runs)), recorded=runs)


def _due_times(schedule: object, runs: list[tuple[datetime, str, str]]) -> Iterator[datetime]:
    moment = schedule.starts_at  # type: ignore[attr-defined]
    while runs and (moment := schedule.next_due_after(moment)) <= runs[-1][0]:  # type: ignore[attr-defined]
        yield moment
