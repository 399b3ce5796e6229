"""Replaying: a dead letter, or a cancelled job, runs again under its own id.

    discarded, cancelled ──replay──▶ available, or scheduled when replays are spread over time

- Its attempts stay and go on counting; its retries and lost attempts begin anew.
- An expiry that has passed is dropped: whoever replays a job wants it to run.
- It counts again in its batch, and in its chord as long as the chord's other jobs are kept: the body,
  which had failed with it, waits for it again. The rest of its chain follows it again.
- It takes its unique key back. One whose key another job holds by now stays as it is: the work that
  the key stands for is being done, or was, within its period. Of several of one key the newest runs.

A bulk replay works in transactions of `BATCH` jobs. One that dies in between has replayed some of
them; running it again does the rest.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from django.db import connections

from workstate.core.jobs import clock
from workstate.core.jobs.connections import ledger_alias, publishing_transaction
from workstate.core.jobs.enqueue import CHANNEL
from workstate.core.jobs.errors import KeyHeldError, NotReplayableError
from workstate.core.jobs.history import Intervention
from workstate.core.jobs.ledger import Ledger, ledger_on
from workstate.core.jobs.ledger.announcements import who_and_why
from workstate.core.jobs.ledger.replays import Replay
from workstate.core.jobs.renewal import Arguments, edited, embedded, followers_of, key_after_edit, renewed
from workstate.core.jobs.selectors import get_job
from workstate.core.jobs.states import State
from workstate.core.jobs.uniqueness import take_key
from workstate.core.wakeup import hint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime

    from workstate.core.jobs.filters import JobFilter
    from workstate.core.jobs.ledger.replays import ReplayableJob
    from workstate.core.jobs.models import Job

BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What became of jobs that were to run again."""

    replayed: int
    held_back: int
    """Stay as they are, for another job holds their unique key, or is the newest of those meant that has it."""


def replay_job(
    *,
    task_id: str,
    args: Sequence[Any] | None = None,
    kwargs: dict[str, Any] | None = None,
    reason: str = "",
    by: str = "",
) -> Job:
    """Let one job run again, with other arguments where they are given; returns it as it is now.

    What it was called with before stays in its history. Belongs to the caller's transaction.

    Raises JobNotFoundError, NotReplayableError, KeyHeldError when another job holds its unique key, or
    BadArgumentsError when its task would not take the arguments.
    """
    job = get_job(task_id)
    new = Arguments(args, kwargs) if args is not None or kwargs is not None else None
    replayed, holders = _replay_batch([job.pk], iter([clock.now()]), by=by, reason=reason, arguments=new)
    if holders:
        raise KeyHeldError(task_id, holders[job.pk])
    if not replayed:
        raise NotReplayableError(task_id, job.state)
    return get_job(task_id)


def replay_jobs(*, jobs: JobFilter, per_second: float | None = None, reason: str = "", by: str = "") -> Replayed:
    """Let the jobs that are meant and have failed run again; returns how many did.

    With `per_second` they become due one after the other at that rate: it stands in their rows, so it
    holds when the caller is gone.

    Raises ValueError when `per_second` is not more than 0, or so little that a job would never be due.
    """
    if per_second is not None and per_second <= 0:
        raise ValueError(f"per_second is {per_second}; it must be more than 0.")
    # All ids first: a job that fails again while others are still replayed is not replayed twice.
    meant = list(jobs.choose().replayable().order_by("id").values_list("id", "unique_key"))
    newest = {key: job_id for job_id, key in meant if key is not None}
    ids = [job_id for job_id, key in meant if key is None or newest[key] == job_id]
    moments = _moments(per_second)
    done = Replayed(replayed=0, held_back=len(meant) - len(ids))
    for start in range(0, len(ids), BATCH):
        replayed, holders = _replay_batch(ids[start : start + BATCH], moments, by=by, reason=reason)
        done = Replayed(replayed=done.replayed + replayed, held_back=done.held_back + len(holders))
    return done


def _moments(per_second: float | None) -> Iterator[datetime]:
    start = clock.now()
    number = 0
    while True:
        try:
            yield start if per_second is None else start + timedelta(seconds=number / per_second)
        except OverflowError as error:
            raise ValueError(f"At {per_second} a second the last of these jobs would never be due.") from error
        number += 1


def _replay_batch(
    job_ids: Sequence[int],
    moments: Iterator[datetime],
    *,
    by: str,
    reason: str,
    arguments: Arguments | None = None,
) -> tuple[int, dict[int, str]]:
    """Return how many jobs wait again, and who holds the keys of those that do not for the sake of their key."""
    with publishing_transaction() as connection:
        ledger = ledger_on(connection)
        meant = ledger.lock_replayable(job_ids)
        bodies = {job.id: edited(job, arguments) for job in meant} if arguments else {}
        holders = _take_keys(ledger, meant, bodies)
        jobs = [job for job in meant if job.id not in holders]
        if not jobs:
            return 0, holders
        ledger.replay([_replay(job, at, bodies) for job, at in zip(jobs, islice(moments, len(jobs)), strict=True)])
        former = {job.id: job.body for job in jobs if job.id in bodies}
        ledger.record_interventions(
            [job.id for job in jobs], Intervention.Kind.REPLAY, by=by, reason=reason, former_bodies=former
        )
        _undo_what_failed_with(ledger, jobs)
        _announce(ledger, jobs, by=by, reason=reason)
        if connection is connections[ledger_alias()]:
            hint(connection.alias, CHANNEL)
    return len(jobs), holders


def _announce(ledger: Ledger, jobs: list[ReplayableJob], *, by: str, reason: str) -> None:
    """Tell those who follow a job, and those who operate once for all; behind all other locks."""
    for task_id in sorted(job.task_id for job in jobs if job.is_followed):
        ledger.announce(f"job:{task_id}", "job.replayed", who_and_why(by, reason))
    ledger.announce_act("job.replayed", len(jobs), by=by, reason=reason)


def _take_keys(ledger: Ledger, jobs: Iterable[ReplayableJob], bodies: dict[int, str]) -> dict[int, str]:
    """Let the jobs hold their unique keys; returns, by job, who has the key of one that could not."""
    keys = {job.id: key_after_edit(job, bodies[job.id]) if job.id in bodies else job.unique_key for job in jobs}
    holders: dict[int, str] = {}
    # By key, as those do who enqueue several at once.
    for key, job_id in sorted((key, job_id) for job_id, key in keys.items() if key is not None):
        if (holder := take_key(ledger, job_id, key)) is not None:
            holders[job_id] = holder
    return holders


def _replay(job: ReplayableJob, available_at: datetime, bodies: dict[int, str]) -> Replay:
    # A limited job is due in its turn, so it waits for its time even when that has come.
    waits = available_at > clock.now() or job.limit_key is not None
    return Replay(
        job.id,
        (State.SCHEDULED if waits else State.AVAILABLE).value,
        available_at,
        renewed(job, available_at, body=bodies.get(job.id)),
        bodies.get(job.id, job.body),
    )


def _undo_what_failed_with(ledger: Ledger, jobs: Iterable[ReplayableJob]) -> None:
    jobs = list(jobs)
    _withdraw(ledger, [task_id for job in jobs for task_id in followers_of(embedded(job.body).get("chain"))])
    _reopen_chords(ledger, [(job.chord_id, job.body) for job in jobs if job.chord_id], are_withdrawn=False)
    ledger.uncount_batches((job.batch_id, State(job.state)) for job in jobs)  # behind chords, as whoever ends jobs


def _withdraw(ledger: Ledger, task_ids: list[str]) -> None:
    if task_ids:
        withdrawn = ledger.withdraw_unrun(task_ids)
        _reopen_chords(ledger, [(chord_id, body) for chord_id, body in withdrawn if chord_id], are_withdrawn=True)


def _reopen_chords(ledger: Ledger, parts: list[tuple[str, str]], *, are_withdrawn: bool) -> None:
    counts = Counter(chord_id for chord_id, _ in parts)
    bodies = dict(parts)
    for chord_id, count in sorted(counts.items()):
        if ledger.reopen_chord(chord_id, count, withdrawn=count if are_withdrawn else 0):
            _withdraw(ledger, followers_of([embedded(bodies[chord_id]).get("chord")]))
