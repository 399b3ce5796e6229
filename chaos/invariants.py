"""What must hold of every run, whatever struck: each function says one thing and yields what contradicts it."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from chaos.project.caps import MAX_LOST_ATTEMPTS, MAX_RETRIES, PLACES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chaos.evidence import Evidence, JobRow

ENDED = frozenset({"completed", "discarded", "cancelled"})
WORKER_LOST = "worker lost"
DEPENDENCY_FAILED = "a task that it depended on failed"
MAY_DEPEND = frozenset({"body", "second"})


def every_committed_job_is_there(evidence: Evidence) -> Iterator[str]:
    """Enqueued and committed, by the word of the database itself or of the producer: then there is a row."""
    for task_id in sorted((evidence.intents | evidence.journals.committed.keys()) - evidence.jobs.keys()):
        yield f"{task_id} was committed and is not in the ledger"


def no_rolled_back_job_exists_or_ran(evidence: Evidence) -> Iterator[str]:
    """A transaction that was rolled back enqueued nothing."""
    journals = evidence.journals
    for task_id in sorted(journals.rolled_back):
        if task_id in evidence.jobs or task_id in evidence.intents:
            yield f"{task_id} was rolled back and is in the database"
        if task_id in journals.starts:
            yield f"{task_id} was rolled back and ran"


def every_job_was_asked_for(evidence: Evidence) -> Iterator[str]:
    """No job comes from nowhere, and none was enqueued twice: the books of both sides agree."""
    known = evidence.intents | evidence.journals.committed.keys() | {chord.body_id for chord in evidence.chords}
    known |= {task_id for batch in evidence.batches for task_id in batch.callbacks}
    known |= {task_id for schedule in evidence.schedules for _, _, task_id in schedule.recorded}
    ids_of_key = defaultdict(set)
    for task_id, job in evidence.jobs.items():
        key = evidence.journals.keys.get(task_id)
        if key is not None and job.kind != "due":
            ids_of_key[key].add(task_id)
        if task_id not in known and job.kind != "second" and not _was_begun(evidence, key):
            yield f"{task_id} ({job.task}) was asked for by nobody"
    for key, ids in sorted(ids_of_key.items()):
        if len(ids) > 1:
            yield f"{key} was enqueued {len(ids)} times: {' '.join(sorted(ids))}"


def every_job_ended_once(evidence: Evidence) -> Iterator[str]:
    """The database itself noted each end, so that a second one can't hide."""
    for task_id, job in evidence.jobs.items():
        ends = evidence.endings[task_id]
        if job.state not in ENDED:
            yield f"{task_id} ({job.kind}) is still {job.state}, attempt {job.attempt}"
        elif ends not in _ends_allowed(job):
            yield f"{task_id} ({job.kind}) ended {ends} times; it is {job.state}"


def every_end_is_deserved(evidence: Evidence) -> Iterator[str]:
    """A completed job began and ended in the journal; a discarded one says a reason that is true."""
    journals = evidence.journals
    for task_id, job in evidence.jobs.items():
        starts = journals.starts.get(task_id, [])
        if job.state == "completed" and not (starts and journals.ends[task_id]):
            yield f"{task_id} ({job.kind}) is completed; the journal has {len(starts)} starts, {journals.ends[task_id]} ends"
        if job.kind in {"failing", "poison"} and job.state == "completed":
            yield f"{task_id} ({job.kind}) can't be completed and is"
        if (job.state == "cancelled" and job.kind != "withdrawn") or (
            job.state == "discarded" and not _may_be_discarded(job, starts)
        ):
            yield f"{task_id} ({job.kind}) is {job.state}: {job.reason} {job.error_type}, lost {job.lost_attempts}, {len(starts)} starts"


def no_job_began_more_often_than_it_may(evidence: Evidence) -> Iterator[str]:
    """Attempts, losses and retries stay below their caps; early acknowledgement means one start."""
    for task_id, job in evidence.jobs.items():
        starts = evidence.journals.starts.get(task_id, [])
        if len(starts) > job.attempt:
            yield f"{task_id} ({job.kind}) began {len(starts)} times in {job.attempt} attempts"
        if job.kind == "once" and len(starts) > 1:
            yield f"{task_id} asked to start once and began {len(starts)} times"
        if job.lost_attempts >= MAX_LOST_ATTEMPTS:
            yield f"{task_id} ({job.kind}) lost {job.lost_attempts} attempts"
        if max(starts, default=0) > MAX_RETRIES:
            yield f"{task_id} ({job.kind}) was retried {max(starts)} times"


def no_lease_is_left(evidence: Evidence) -> Iterator[str]:
    """When all have stopped nobody is alive, and nobody holds a job."""
    for process in evidence.living:
        yield f"{process} has stopped and is alive for the ledger"
    for task_id, job in evidence.jobs.items():
        if job.process_id is not None and job.state not in ENDED:  # an ended job names who ended it
            yield f"{task_id} ({job.kind}) is held by process {job.process_id}"


def every_chord_has_one_body(evidence: Evidence) -> Iterator[str]:
    """The header is counted exactly, and its body was enqueued with all of it, or failed with a part of it."""
    for chord in evidence.chords:
        if not (chord.size == chord.completed == len(chord.header) and chord.is_fired):
            yield f"chord {chord.chord_id}: size {chord.size}, counted {chord.completed}, jobs {len(chord.header)}, fired {chord.is_fired}"
            continue
        body = evidence.jobs.get(chord.body_id)
        header_is_completed = all(evidence.jobs[task_id].state == "completed" for task_id in chord.header)
        if body is None:
            yield f"chord {chord.chord_id} has no body {chord.body_id}"
        elif body.state == "completed" and not header_is_completed:
            yield f"chord {chord.chord_id} completed its body although its header failed"
        elif header_is_completed and body.reason == DEPENDENCY_FAILED:
            yield f"chord {chord.chord_id} failed its body although its header was completed"
        expected = {sum(range(len(chord.header)))}
        if evidence.journals.sums.get(chord.body_id, expected) != expected:
            yield f"chord {chord.chord_id} gave its body {evidence.journals.sums[chord.body_id]}, not {expected}"


def no_line_is_overcrowded(evidence: Evidence) -> Iterator[str]:
    """Of one key no more jobs run at once than may: a limit's concurrency, and one that is unique until it has ended.

    Those are judged that were begun once: then they had their place all the time from their start to their end.
    """
    for kind, places in PLACES.items():
        inside: Counter[str] = Counter()
        for _, line, step, task_id in sorted(_steps(evidence, kind)):
            inside[line] += step
            if inside[line] > places:
                yield f"{task_id} was the {inside[line]}th {kind} one at once in the line {line}"


def no_withdrawn_job_ran(evidence: Evidence) -> Iterator[str]:
    """What was cancelled while it waited ends there; it may have begun only if its worker was lost before."""
    for task_id in sorted(evidence.journals.withdrawn):
        job = evidence.jobs[task_id]
        if job.state != "cancelled":
            yield f"{task_id} was cancelled while it waited, and is {job.state}"
        elif job.attempt == 0 and task_id in evidence.journals.starts:
            yield f"{task_id} was cancelled while it waited, and ran"


def every_replayed_letter_ran_again(evidence: Evidence) -> Iterator[str]:
    """A dead letter that was replayed with arguments that do is completed, unless its workers were killed too often."""
    for task_id in sorted(evidence.journals.replayed):
        job = evidence.jobs[task_id]
        if job.state != "completed" and job.reason != WORKER_LOST:
            yield f"{task_id} was replayed, and is {job.state}: {job.reason}"


def every_batch_has_one_callback(evidence: Evidence) -> Iterator[str]:
    """All of its jobs are counted, and what follows them was enqueued once and began when they had ended."""
    moments = evidence.journals.moments
    for batch in evidence.batches:
        if not batch.size == batch.ended == len(batch.members):
            yield f"batch {batch.batch_id}: size {batch.size}, counted {batch.ended}, jobs {len(batch.members)}"
        if len(batch.callbacks) != 1:
            yield f"batch {batch.batch_id} is followed by {len(batch.callbacks)} jobs: {' '.join(batch.callbacks)}"
        began = min((moments[task_id][0] for task_id in batch.callbacks if task_id in moments), default=None)
        for task_id in sorted(batch.members & moments.keys()):
            if began is not None and evidence.jobs[task_id].attempt == 1 and moments[task_id][-1] > began:
                yield f"batch {batch.batch_id} was followed before {task_id} had ended"


def every_due_time_fired_once(evidence: Evidence) -> Iterator[str]:
    """From the first due time to the last one none is missing, none is doubled, and each has its job."""
    for schedule in evidence.schedules:
        recorded = Counter(due_at for due_at, _, _ in schedule.recorded)
        for due_at in sorted(recorded.keys() ^ set(schedule.expected)):
            yield f"{schedule.name} at {due_at}: recorded {recorded[due_at]} times"
        for due_at, outcome, task_id in schedule.recorded:
            if outcome != "enqueued" or task_id not in evidence.jobs:
                yield f"{schedule.name} at {due_at}: {outcome}, job {task_id} is {evidence.jobs.get(task_id)}"
    fired = {task_id for schedule in evidence.schedules for _, _, task_id in schedule.recorded}
    for task_id, job in evidence.jobs.items():
        if job.kind == "due" and task_id not in fired:
            yield f"{task_id} ran for no recorded due time"


def _was_begun(evidence: Evidence, key: str | None) -> bool:
    # A producer that died after its autocommitted job was in and before it could note so; of many, the key has a
    # number more.
    begun = evidence.journals.begun
    return key is not None and (key in begun or key.rpartition(".")[0] in begun)


def _ends_allowed(job: JobRow) -> set[int]:
    if job.attempt == 0 and job.reason == DEPENDENCY_FAILED:
        return {0}  # it was inserted as ended
    if job.kind == "broken":
        return {2} if job.state == "completed" else {1, 2}  # replayed, and maybe lost too often then
    return {1}


def _steps(evidence: Evidence, kind: str) -> Iterator[tuple[int, str, int, str]]:
    """Yield when jobs of a kind came into their line, and left it: moment, line, step, job."""
    for task_id, job in evidence.jobs.items():
        moments = evidence.journals.moments.get(task_id, [])
        if job.kind == kind and job.attempt == 1 and len(moments) == len(("start", "end")):
            line = evidence.journals.keys[task_id].rpartition(".")[2]
            yield moments[0], line, 1, task_id
            yield moments[1], line, -1, task_id


def _may_be_discarded(job: JobRow, starts: list[int]) -> bool:
    if job.reason == WORKER_LOST and job.kind == "once":
        return job.acknowledged_at is not None
    if job.reason == WORKER_LOST:
        return job.lost_attempts == MAX_LOST_ATTEMPTS - 1 and len(starts) >= MAX_LOST_ATTEMPTS - 1
    if job.reason == DEPENDENCY_FAILED:
        return job.kind in MAY_DEPEND
    may_have_failed = job.kind in {"failing", "broken"} or (
        job.kind == "parent" and max(starts, default=0) == MAX_RETRIES
    )
    return job.reason == "failed" and may_have_failed


INVARIANTS: tuple[Callable[[Evidence], Iterator[str]], ...] = (
    every_committed_job_is_there,
    no_rolled_back_job_exists_or_ran,
    every_job_was_asked_for,
    every_job_ended_once,
    every_end_is_deserved,
    no_job_began_more_often_than_it_may,
    no_lease_is_left,
    every_chord_has_one_body,
    every_batch_has_one_callback,
    no_line_is_overcrowded,
    no_withdrawn_job_ran,
    every_replayed_letter_ran_again,
    every_due_time_fired_once,
)
