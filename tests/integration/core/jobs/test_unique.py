"""Calls that mean the same work: which of them become a job, and what the others return."""

from __future__ import annotations

import json
import threading
from datetime import timedelta

import pytest
from celery import chain, chord, group
from django.db import connections, transaction
from django.utils import timezone

from engine.fixtures import task_of
from engine.jobs import FAILURE, HOUR, closing, job_row, new_process, states
from real_databases import BOTH_DATABASES
from workstate.core.jobs.batches import open_batch
from workstate.core.jobs.bulk import enqueue_many
from workstate.core.jobs.cancellations import cancel_job
from workstate.core.jobs.errors import KeyHeldError
from workstate.core.jobs.filters import JobFilter
from workstate.core.jobs.history import Intervention
from workstate.core.jobs.models import Job
from workstate.core.jobs.replays import Replayed, replay_job, replay_jobs
from workstate.core.jobs.states import State
from workstate.core.jobs.unique import Conflict, Unique
from workstate.core.jobs.waiting import cancel_waiting

pytestmark = BOTH_DATABASES

SECOND = timedelta(seconds=1)
DEBOUNCED = Unique(conflict=Conflict.DEBOUNCE, by="task", delay=HOUR)
REPLACED = Unique(conflict=Conflict.REPLACE, by="task")


def report(customer=0, *, month=1):
    return [customer, month]


@pytest.fixture
def task(app):
    def make(unique, **options):
        return task_of(app, report, unique=unique, **options)

    return make


def arguments_of(task_id):
    args, kwargs, _ = json.loads(job_row(task_id).body)
    return args, kwargs


def count_waiting():
    return Job.objects.filter(state__in=["available", "scheduled"]).count()


def test_second_call_comes_to_nothing_and_returns_the_first(task):
    unique = task(Unique())
    first, second, other = unique.delay(1), unique.delay(1), unique.delay(2)

    assert second.id == first.id
    assert states() == {first.id: "available", other.id: "available"}


def test_call_is_the_same_however_its_arguments_are_written(task):
    unique = task(Unique())

    assert unique.delay(1).id == unique.delay(customer=1).id == unique.delay(1, month=1).id
    assert unique.delay(1, month=2).id != unique.delay(1).id


def test_task_may_be_unique_whatever_its_arguments(task):
    unique = task(Unique(by="task"))

    assert unique.delay(1).id == unique.delay(2).id


def test_key_may_be_made_of_some_of_the_arguments(task):
    unique = task(Unique(key=lambda customer, **_: f"customer {customer}"))
    first = unique.delay(1, month=1)

    assert unique.delay(1, month=2).id == first.id
    assert job_row(first.id).unique_key == "report:customer 1"


@pytest.mark.parametrize("state", [State.COMPLETED, State.DISCARDED, State.CANCELLED])
def test_key_is_free_once_the_job_has_ended(task, ledger, state):
    unique = task(Unique())
    first = unique.delay(1)
    process = ledger.register(new_process())
    [job] = ledger.claim(process, ("celery",), 1)
    assert unique.delay(1).id == first.id
    ledger.close([closing(job, process, state)])

    assert unique.delay(1).id != first.id
    assert count_waiting() == 1


def test_key_is_free_once_the_waiting_job_was_cancelled(task):
    unique = task(Unique(period=HOUR))
    first = unique.delay(1)
    cancel_waiting(first.id, "revoked")

    assert unique.delay(1).id != first.id


def test_retry_keeps_the_key(app, worker):
    def work(self):
        raise self.retry(countdown=3600)

    unique = task_of(app, work, bind=True, unique=Unique())
    first = unique.delay()
    worker.drain()

    assert states() == {first.id: "retryable"}
    assert unique.delay().id == first.id


@pytest.mark.parametrize("state", [State.COMPLETED, State.DISCARDED])
def test_period_outlives_the_end_and_then_the_key_passes_on(task, ledger, state):
    unique = task(Unique(period=HOUR))
    first = unique.delay(1)
    process = ledger.register(new_process())
    [job] = ledger.claim(process, ("celery",), 1)
    ledger.close([closing(job, process, state)])
    assert unique.delay(1).id == first.id
    Job.objects.update(unique_until=timezone.now() - SECOND)

    second = unique.delay(1)
    assert second.id != first.id
    assert (job_row(first.id).is_key_free, job_row(second.id).is_key_free) == (True, False)


def test_job_that_waits_longer_than_its_period_is_still_the_one(task):
    unique = task(Unique(period=HOUR))
    first = unique.delay(1)
    Job.objects.update(unique_until=timezone.now() - SECOND)

    assert unique.delay(1).id == first.id


def test_job_that_begins_after_its_period_keeps_its_key_until_it_has_ended(task, ledger):
    unique = task(Unique(period=HOUR))
    first = unique.delay(1)
    Job.objects.update(enqueued_at=timezone.now() - 2 * HOUR, unique_until=timezone.now() - HOUR)
    process = ledger.register(new_process())
    [job] = ledger.claim(process, ("celery",), 1)

    assert unique.delay(1).id == first.id
    ledger.close([closing(job, process)])
    assert unique.delay(1).id != first.id


def test_waiting_job_gets_the_newest_arguments_and_time(task):
    unique = task(REPLACED)
    first = unique.apply_async((1,), countdown=3600)
    second = unique.apply_async((2,), {"month": 5}, priority=-3)

    assert second.id == first.id
    assert states() == {first.id: "available"}
    assert arguments_of(first.id) == ([2], {"month": 5})
    assert (job_row(first.id).priority, job_row(first.id).available_at <= timezone.now()) == (-3, True)


def test_replaced_job_runs_under_the_first_id_with_the_newest_arguments(task, worker):
    unique = task(REPLACED)
    first = unique.delay(1)
    unique.delay(2)
    worker.drain()

    assert first.get(timeout=5) == [2, 1]


def test_replaced_job_keeps_its_place_in_a_group_and_what_follows_it(task, app, worker):
    ran = []

    def follow(value):
        ran.append(value)

    follow = task_of(app, follow)
    unique = task(REPLACED)
    together = chord(group(unique.s(1)), follow.s())()
    unique.delay(2)
    worker.drain()

    assert ran == [[[2, 1]]]
    assert together.state == "SUCCESS"


@pytest.mark.parametrize("unique", [REPLACED, DEBOUNCED])
def test_arguments_that_come_while_it_runs_become_a_job_of_their_own(task, ledger, unique):
    unique = task(unique)
    first = unique.delay(1)
    Job.objects.update(state="available")
    ledger.claim(ledger.register(new_process()), ("celery",), 1)

    second, third = unique.delay(2), unique.delay(3)
    assert first.id != second.id == third.id
    assert arguments_of(second.id)[0] == [3]
    assert count_waiting() == 1


def test_each_call_puts_a_debounced_job_off_again(task):
    unique = task(DEBOUNCED)
    first = unique.delay(1)
    assert states() == {first.id: "scheduled"}
    Job.objects.update(available_at=timezone.now() - SECOND, state="available")

    assert unique.delay(2).id == first.id
    assert states() == {first.id: "scheduled"}
    assert arguments_of(first.id)[0] == [2]
    assert job_row(first.id).available_at > timezone.now() + HOUR / 2


@pytest.mark.parametrize("seconds", [0, 60])
def test_retry_of_a_debounced_job_waits_as_long_as_it_says_and_no_longer(app, worker, seconds):
    def flaky(self):
        raise self.retry(countdown=seconds)

    result = task_of(app, flaky, bind=True, unique=DEBOUNCED).delay()
    Job.objects.update(available_at=timezone.now() - SECOND, state="available")
    worker.run(*worker.claim())

    row = job_row(result.id)
    assert row.state == ("retryable" if seconds else "available")
    assert abs(row.available_at - row.enqueued_at - seconds * SECOND) < HOUR / 2


def test_call_that_others_wait_for_leaves_a_cancelled_row_and_they_hear_of_it(task, app, worker):
    def follow(value):
        return value

    follow = task_of(app, follow)
    unique = task(Unique())
    first = unique.delay(1)
    together = chord([unique.s(1), unique.s(2)], follow.s())()
    duplicate = together.parent[0].id
    worker.drain()

    assert (job_row(duplicate).state, job_row(duplicate).reason) == ("cancelled", f"duplicate of {first.id}")
    assert together.state == "FAILURE"


def test_chain_behind_a_duplicate_is_not_left_without_a_trace(task, app):
    def follow(value):
        return value

    follow = task_of(app, follow)
    unique = task(Unique())
    first = unique.delay(1)
    result = chain(unique.s(1), follow.s())()

    assert job_row(result.parent.id).reason == f"duplicate of {first.id}"


def test_rest_of_a_chain_is_unique_too_and_the_end_before_it_is_stored(task, app, worker):
    def begin():
        return 1

    begin = task_of(app, begin)
    unique = task(Unique())
    first = unique.apply_async((1,), countdown=3600)
    result = chain(begin.s(), unique.s())()
    worker.drain()

    assert result.parent.state == "SUCCESS"
    assert states() == {first.id: "scheduled", result.parent.id: "completed"}


def test_duplicate_in_a_batch_is_counted_as_cancelled(task):
    unique = task(Unique())
    unique.delay(1)
    with open_batch() as batch:
        batch.add(unique.s(1))
        batch.add(unique.s(2))

    assert count_waiting() == 2
    assert Job.objects.filter(batch_id=batch.id, state="cancelled").count() == 1


def test_many_are_enqueued_once_each(task):
    unique = task(Unique())
    ids = enqueue_many(unique, [(1,), (2,), (1,), (3,), (2,)])

    assert len(set(ids)) == count_waiting() == 3
    assert (ids[0], ids[1]) == (ids[2], ids[4])


def test_call_may_be_unique_by_itself_and_opt_out(task, app):
    plain, unique = task(None), task(Unique())

    assert unique.delay(1).id != unique.apply_async((1,), unique=False).id
    Job.objects.all().delete()
    plain = task_of(app, report)
    del plain
    first = task(False).apply_async((1,), unique=Unique())
    assert task(False).apply_async((1,), unique=Unique()).id == first.id


def test_anything_but_a_declaration_is_refused(task):
    with pytest.raises(TypeError, match="give a workstate"):
        task(True).delay(1)


def test_key_that_was_rolled_back_is_free(task):
    unique = task(Unique())
    with transaction.atomic():
        first = unique.delay(1)
        transaction.set_rollback(True)

    assert unique.delay(1).id != first.id
    assert count_waiting() == 1


def test_conflict_leaves_the_callers_transaction_usable(task):
    unique = task(Unique())
    unique.delay(1)
    with transaction.atomic():
        unique.delay(1)
        unique.delay(2)

    assert count_waiting() == 2


def test_message_that_is_sent_through_kombu_is_unique_too(task):
    unique = task(Unique())

    assert unique.delay(1).id == unique.apply_async((1,), compression="zlib").id


def test_second_message_of_the_same_id_changes_nothing(task):
    unique = task(Unique())
    unique.apply_async((1,), task_id="named")
    unique.apply_async((1,), task_id="named")
    Job.objects.update(unique_key=None)
    unique.apply_async((1,), task_id="named")

    assert states() == {"named": "available"}


# --- replays ------------------------------------------------------------------------------------


def fail(ledger, *results):
    """Let waiting jobs fail, the oldest first."""
    process = ledger.register(new_process())
    for job in ledger.claim(process, ("celery",), len(results)):
        ledger.close([closing(job, process, State.DISCARDED, failure=FAILURE)])
    assert {job_row(result.id).state for result in results} == {"discarded"}


UNIQUE_IN_ALL_WAYS = pytest.mark.parametrize(
    "unique", [Unique(), REPLACED, Unique(period=HOUR)], ids=["while unfinished", "while waiting", "for a period"]
)


@UNIQUE_IN_ALL_WAYS
def test_replayed_job_takes_its_key_back(task, ledger, unique):
    unique = task(unique)
    first = unique.delay(1)
    fail(ledger, first)
    replay_job(task_id=first.id)

    assert unique.delay(1).id == first.id
    assert states() == {first.id: "available"}


@pytest.mark.parametrize("unique", [Unique(), REPLACED], ids=["while unfinished", "while waiting"])
def test_job_whose_key_another_one_holds_is_not_replayed_and_says_who(task, ledger, unique):
    unique = task(unique)
    first = unique.delay(1)
    fail(ledger, first)
    second = unique.delay(1)

    with pytest.raises(KeyHeldError, match=second.id):
        replay_job(task_id=first.id)
    assert replay_jobs(jobs=JobFilter(dead_letters=True)) == Replayed(replayed=0, held_back=1)
    assert states() == {first.id: "discarded", second.id: "available"}
    assert not Intervention.objects.exists()

    cancel_job(task_id=second.id)
    replay_job(task_id=first.id)
    assert states() == {first.id: "available", second.id: "cancelled"}


def test_job_that_ran_within_its_period_holds_others_back_until_that_is_over(task, ledger):
    unique = task(Unique(period=HOUR))
    first = unique.delay(1)
    cancel_job(task_id=first.id)
    second = unique.delay(1)
    process = ledger.register(new_process())
    [job] = ledger.claim(process, ("celery",), 1)
    ledger.close([closing(job, process)])

    with pytest.raises(KeyHeldError, match=second.id):
        replay_job(task_id=first.id)
    Job.objects.update(unique_until=timezone.now() - HOUR)
    replay_job(task_id=first.id)
    assert states() == {first.id: "available", second.id: "completed"}


def test_of_several_dead_letters_of_one_key_the_newest_runs_again(task, ledger):
    unique = task(REPLACED)
    older, newer = unique.delay(1), None
    fail(ledger, older)
    newer = unique.delay(2)
    fail(ledger, newer)
    other = task(Unique()).apply_async((3,), unique=False)
    fail(ledger, other)

    assert replay_jobs(jobs=JobFilter(dead_letters=True)) == Replayed(replayed=2, held_back=1)
    assert states() == {older.id: "discarded", newer.id: "available", other.id: "available"}


def test_replay_with_other_arguments_takes_their_key(task, ledger):
    unique = task(Unique())
    first = unique.delay(1)
    fail(ledger, first)
    replay_job(task_id=first.id, args=[2])

    assert unique.delay(2).id == first.id
    assert unique.delay(1).id != first.id


def test_key_that_only_the_call_named_stays_with_other_arguments(task, ledger):
    named = Unique(key=lambda *_, **__: "mine")
    plain = task(Unique())
    first = plain.apply_async((1,), unique=named)
    fail(ledger, first)
    replay_job(task_id=first.id, args=[2])

    assert plain.apply_async((3,), unique=named).id == first.id
    assert plain.delay(2).id != first.id


def test_duplicate_that_others_waited_for_is_replayed_only_when_its_key_is_free(task, ledger):
    unique = task(Unique())
    first = unique.delay(1)
    group([unique.s(1), unique.s(2)]).apply_async()
    [duplicate] = Job.objects.filter(state="cancelled")

    with pytest.raises(KeyHeldError, match=first.id):
        replay_job(task_id=duplicate.task_id)
    fail(ledger, first)
    replay_job(task_id=duplicate.task_id)
    assert unique.delay(1).id == duplicate.task_id


def test_of_calls_and_replays_at_once_one_holds_the_key(task, ledger):
    unique = task(Unique())
    rounds = 15
    dead = [unique.delay(number) for number in range(rounds)]
    fail(ledger, *dead)
    start = threading.Barrier(3)

    def at_once(act):
        for number in range(rounds):
            start.wait(30)
            act(number)
        connections.close_all()

    def replay(number):
        replay_jobs(jobs=JobFilter(task_ids=(dead[number].id,)))

    threads = [threading.Thread(target=at_once, args=[act]) for act in (unique.delay, replay, unique.delay)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    waiting = Job.objects.filter(state="available")
    assert sorted(json.loads(job.body)[0][0] for job in waiting) == list(range(rounds))


def test_of_many_callers_at_once_one_enqueues(task):
    unique = task(Unique())
    callers, rounds = 6, 15
    ids: list[set[str]] = [set() for _ in range(rounds)]
    start = threading.Barrier(callers)

    def call():
        for number in range(rounds):
            start.wait(30)
            with transaction.atomic():
                ids[number].add(unique.delay(number).id)
        connections.close_all()

    threads = [threading.Thread(target=call) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert [len(found) for found in ids] == [1] * rounds
    assert count_waiting() == rounds


def test_callers_and_a_worker_at_once_lose_no_arguments(task, connect, ledger):
    """Whatever was called last is what a job runs with last, and never do two wait."""
    unique = task(REPLACED)
    callers, calls = 4, 25
    seen: list[int] = []
    most = []
    done = threading.Event()

    def call(caller):
        for number in range(calls):
            unique.delay(caller * calls + number)
        connections.close_all()

    def work():
        from workstate.core.jobs.ledger import ledger_on

        mine = ledger_on(connect())
        process = mine.register(new_process())
        while True:
            is_last = done.is_set()
            jobs = mine.claim(process, ("celery",), 10)
            most.append(len(jobs))
            for job in jobs:
                seen.append(json.loads(job.body)[0][0])
                mine.close([closing(job, process)])
            if is_last and not jobs:
                return

    worker = threading.Thread(target=work)
    threads = [threading.Thread(target=call, args=[caller]) for caller in range(callers)]
    for thread in [worker, *threads]:
        thread.start()
    for thread in threads:
        thread.join(60)
    done.set()
    worker.join(60)

    assert not worker.is_alive()
    assert max(most) == 1
    assert any(number % calls == calls - 1 for number in seen)
    assert count_waiting() == 0
