"""Dead letters run again: in their own row, with their history, and with all that waited for them."""

from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace

import pytest
from celery import chain, chord
from celery.result import AsyncResult
from django.utils import timezone

from engine.fixtures import task_of
from engine.jobs import FAILURE, claim_one, closing, header_job, job_row, new_job, new_process, states
from real_databases import BOTH_DATABASES
from workstate.core.jobs.cancellations import cancel_job
from workstate.core.jobs.errors import BadArgumentsError, JobNotFoundError, NotReplayableError
from workstate.core.jobs.filters import JobFilter
from workstate.core.jobs.history import Attempt, Intervention
from workstate.core.jobs.models import Chord, Job
from workstate.core.jobs.records import FinishedChord
from workstate.core.jobs.replays import BATCH, replay_job, replay_jobs
from workstate.core.jobs.states import State

pytestmark = BOTH_DATABASES

DEAD_LETTERS = JobFilter(dead_letters=True)


class Weather:
    """What makes tasks fail until it clears up."""

    is_bad = True


@pytest.fixture
def weather():
    return Weather()


@pytest.fixture
def tasks(app, weather):
    def work(number=1):
        if weather.is_bad:
            raise ConnectionError("away")
        return number

    def total(numbers):
        return sum(numbers)

    return SimpleNamespace(work=task_of(app, work), total=task_of(app, total))


def again(result):
    """Ask for a result anew: one that was asked for its end remembers it."""
    return AsyncResult(result.id)


def discard(ledger, *task_ids, **fields):
    """Let jobs fail."""
    process = ledger.register(new_process())
    ledger.insert([new_job(task_id, **fields) for task_id in task_ids])
    for job in ledger.claim(process, ("celery",), len(task_ids)):
        ledger.close([closing(job, process, State.DISCARDED, task="work", failure=FAILURE, reason="failed")])


def test_dead_letter_runs_again_in_its_row_and_under_its_id(tasks, worker, weather):
    result = tasks.work.delay(7)
    worker.drain()
    row_id = job_row(result.id).id
    weather.is_bad = False
    replay_job(task_id=result.id, reason="the sun shines", by="ada")
    worker.drain()

    row = job_row(result.id)
    assert (row.id, row.state, row.attempt, row.result) == (row_id, "completed", 2, "7")
    assert (row.error_type, row.reason, row.fingerprint) == (None, None, None)
    assert [attempt.number for attempt in Attempt.objects.filter(job_id=row_id)] == [1]
    act = Intervention.objects.get()
    assert (act.job_id, act.kind, act.by, act.reason, act.former_body) == (
        row_id,
        "replay",
        "ada",
        "the sun shines",
        None,
    )


def test_retries_and_lost_attempts_begin_anew(ledger):
    discard(ledger, "job", headers=json.dumps({"id": "job", "task": "work", "retries": 3}))
    Job.objects.update(lost_attempts=2)
    replay_job(task_id="job")

    headers = json.loads(job_row("job").headers)
    assert (headers["retries"], headers["replays"], job_row("job").lost_attempts) == (0, 1, 0)


@pytest.mark.parametrize(("hours", "is_kept"), [(-1, False), (1, True)])
def test_expiry_that_has_passed_is_dropped(ledger, hours, is_kept):
    expires = (timezone.now() + timedelta(hours=hours)).isoformat()
    discard(ledger, "job", headers=json.dumps({"id": "job", "task": "work", "expires": expires}))
    replay_job(task_id="job")

    assert json.loads(job_row("job").headers)["expires"] == (expires if is_kept else None)


def test_cancelled_job_is_replayed_too(ledger):
    ledger.insert([new_job("job")])
    cancel_job(task_id="job")
    replay_job(task_id="job")

    assert states() == {"job": "available"}
    assert job_row("job").cancel_requested_at is None


@pytest.mark.parametrize("state", ["available", "completed"])
def test_job_that_has_not_failed_is_not_replayed(ledger, state):
    ledger.insert([new_job("job")])
    Job.objects.update(state=state)

    with pytest.raises(NotReplayableError, match=state):
        replay_job(task_id="job")
    assert states() == {"job": state}


def test_job_that_never_was_enqueued_is_not_replayed(ledger):
    ledger.record_ended("tail", "work", State.DISCARDED, result=None, failure=FAILURE, reason="its head failed")

    with pytest.raises(NotReplayableError):
        replay_job(task_id="tail")


def test_job_that_nobody_knows_is_an_error(database):
    with pytest.raises(JobNotFoundError, match="nobody"):
        replay_job(task_id="nobody")


def test_message_that_nobody_can_read_is_replayed_as_it_is(ledger):
    discard(ledger, "job", headers="{no JSON", body="[no JSON")
    replay_job(task_id="job")

    assert (job_row("job").state, job_row("job").headers) == ("available", "{no JSON")


# --- other arguments ------------------------------------------------------------------------------


def test_job_runs_with_other_arguments_and_its_history_keeps_the_old_ones(tasks, worker, weather):
    result = tasks.work.delay(7)
    worker.drain()
    before = job_row(result.id).body
    weather.is_bad = False
    replay_job(task_id=result.id, args=[], kwargs={"number": 8})
    assert json.loads(job_row(result.id).headers)["kwargsrepr"] == "{'number': 8}"
    worker.drain()

    assert job_row(result.id).result == "8"
    assert Intervention.objects.get().former_body == before


@pytest.mark.parametrize(
    ("arguments", "why"),
    [({"args": [1, 2]}, "positional"), ({"kwargs": {"amount": 1}}, "amount"), ({"args": [object()]}, "object")],
)
def test_arguments_that_the_task_would_not_take_are_refused_and_nothing_changes(tasks, worker, arguments, why):
    result = tasks.work.delay()
    worker.drain()

    with pytest.raises(BadArgumentsError, match=why):
        replay_job(task_id=result.id, **arguments)
    assert job_row(result.id).state == "discarded"
    assert not Intervention.objects.exists()


def test_message_that_nobody_can_read_gets_no_other_arguments(ledger):
    discard(ledger, "job", body="[no JSON")

    with pytest.raises(BadArgumentsError, match="can't be read"):
        replay_job(task_id="job", args=[])


# --- many -----------------------------------------------------------------------------------------


def test_all_that_are_meant_are_replayed_and_no_others(ledger):
    discard(ledger, "first", "second")
    discard(ledger, "other", task="other")
    cancelled = new_job("cancelled")
    ledger.insert([cancelled])
    cancel_job(task_id="cancelled")

    assert replay_jobs(jobs=JobFilter(dead_letters=True, task="work")).replayed == 2
    assert states() == {"first": "available", "second": "available", "other": "discarded", "cancelled": "cancelled"}


def test_more_than_one_batch_is_replayed(ledger):
    count = 2 * BATCH + 1
    discard(ledger, *(str(number) for number in range(count)))

    assert replay_jobs(jobs=DEAD_LETTERS).replayed == count
    assert Job.objects.filter(state="available").count() == count
    assert replay_jobs(jobs=DEAD_LETTERS).replayed == 0


def test_replays_are_spread_over_time_in_their_rows(ledger):
    discard(ledger, *(f"job-{number}" for number in range(5)))
    before = timezone.now()
    replay_jobs(jobs=DEAD_LETTERS, per_second=0.5)

    moments = [job_row(f"job-{number}").available_at for number in range(5)]
    assert [round((moment - moments[0]).total_seconds()) for moment in moments] == [0, 2, 4, 6, 8]
    assert before <= moments[0] <= timezone.now()
    assert [job_row(f"job-{number}").state for number in range(5)] == ["available"] + ["scheduled"] * 4


@pytest.mark.parametrize("per_second", [0, -1])
def test_rate_that_can_not_be_meant_is_refused(database, per_second):
    with pytest.raises(ValueError, match="more than 0"):
        replay_jobs(jobs=DEAD_LETTERS, per_second=per_second)


def test_batch_of_replays_takes_few_statements(ledger, django_assert_max_num_queries):
    discard(ledger, *(str(number) for number in range(100)))

    with django_assert_max_num_queries(10):
        replay_jobs(jobs=DEAD_LETTERS)


# --- what waited for it ---------------------------------------------------------------------------


def test_rest_of_a_chain_follows_a_replayed_job(tasks, worker, weather):
    result = chain(tasks.work.s(3), tasks.work.s()).apply_async()
    worker.drain()
    assert again(result).state == "FAILURE"
    weather.is_bad = False
    replay_job(task_id=result.parent.id)
    assert again(result).state == "PENDING"
    worker.drain()

    assert again(result).get(timeout=1) == 3


@pytest.mark.parametrize("failed", [1, 2])
def test_body_of_a_chord_waits_for_a_replayed_header_job_and_runs(tasks, worker, weather, failed):
    weather.is_bad = failed == 2
    result = chord([tasks.work.s(1), tasks.work.s(2)])(tasks.total.s())
    if failed == 1:
        worker.drain(1)
        weather.is_bad = True
    worker.drain()
    assert again(result).state == "FAILURE"

    weather.is_bad = False
    assert replay_jobs(jobs=DEAD_LETTERS).replayed == failed
    assert again(result).state == "PENDING"
    worker.drain()
    assert again(result).get(timeout=1) == 3


def test_chord_within_a_chord_is_opened_again(tasks, worker, weather):
    inner = chord([tasks.work.s(1), tasks.work.s(2)], tasks.total.s())
    result = chord([inner, tasks.total.s([4])])(tasks.total.s())
    worker.drain()
    assert again(result).state == "FAILURE"
    weather.is_bad = False
    replay_jobs(jobs=DEAD_LETTERS)
    worker.drain()

    assert again(result).get(timeout=1) == 7


def test_header_job_of_a_chord_that_is_forgotten_runs_alone(tasks, worker, weather):
    chord([tasks.work.s(1), tasks.work.s(2)])(tasks.total.s())
    worker.drain()
    first, second = Job.objects.dead_letters().order_by("id")
    first.delete()  # pruned
    weather.is_bad = False
    replay_job(task_id=second.task_id)
    worker.drain()

    assert job_row(second.task_id).state == "completed"
    assert not Job.objects.filter(state="available").exists()


def test_replayed_job_that_fails_again_is_a_dead_letter_again(ledger):
    discard(ledger, "job")
    replay_job(task_id="job")
    process = ledger.register(new_process())
    job = claim_one(ledger, process)
    ledger.close([closing(job, process, State.DISCARDED, task="work", failure=FAILURE)])

    assert Job.objects.dead_letters().count() == 1
    assert list(Attempt.objects.values_list("number", flat=True)) == [1, 2]


def test_header_of_a_pruned_chord_is_replayed_alone(ledger):
    process = ledger.register(new_process())
    ledger.insert([header_job("one", "chord"), header_job("two", "chord")])
    for job in ledger.claim(process, ("celery",), 2):
        ledger.close([closing(job, process, State.DISCARDED, failure=FAILURE, chord_id="chord")])
    Chord.objects.all().delete()
    replay_job(task_id="one")
    [job] = ledger.claim(process, ("celery",), 2)
    ledger.close([closing(job, process, State.DISCARDED, failure=FAILURE, chord_id="chord")])

    assert replay_jobs(jobs=JobFilter(dead_letters=True)).replayed == 2
    assert states() == {"one": "available", "two": "available"}


def test_header_job_may_be_replayed_before_the_last_one_of_its_chord_is_enqueued(ledger):
    ledger.insert([header_job("first", "chord")])
    ledger.size_chord("chord", 2)
    cancel_job(task_id="first")
    replay_job(task_id="first")
    ledger.insert([header_job("last", "chord")])
    assert Chord.objects.get().completed == 0

    process = ledger.register(new_process())
    first, last = ledger.claim(process, ("celery",), 2)
    assert ledger.close([closing(first, process, chord_id="chord")]) == []
    assert ledger.close([closing(last, process, chord_id="chord")]) == [FinishedChord("chord")]
