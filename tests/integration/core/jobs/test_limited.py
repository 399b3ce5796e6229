"""Limited jobs: who gets a place, who waits for one, and that nobody waits for ever."""

from __future__ import annotations

import json
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from time import monotonic

import pytest
from celery import chain
from django.db import connection, connections, transaction
from django.utils import timezone

from engine.fixtures import task_of
from engine.jobs import EXPIRED, HOUR, closing, elsewhere, job_row, new_job, new_process, token_of
from real_databases import BOTH_DATABASES
from workstate.core.jobs import clock
from workstate.core.jobs.bulk import enqueue_many
from workstate.core.jobs.ledger import ledger_on
from workstate.core.jobs.ledger.limits import IS_WAITING, READ, TOLERANCE, WAITING_KEYS
from workstate.core.jobs.limits import LimitedTo
from workstate.core.jobs.models import Job, Limit
from workstate.core.jobs.pauses import pause_queue, resume_queue
from workstate.core.jobs.states import State
from workstate.core.jobs.unique import Unique
from workstate.core.jobs.waiting import cancel_waiting
from workstate.core.worker.overlooked import Overlooked
from workstate.core.worker.rescuer import Rescuer

pytestmark = BOTH_DATABASES

SECOND = timedelta(seconds=1)
TWO_EACH = LimitedTo(concurrency=2, key=lambda customer, **_: f"customer:{customer}")
ONE = LimitedTo(concurrency=1)


def call(customer=0, *, fails=False):
    if fails:
        raise ValueError(customer)
    return customer


@pytest.fixture
def task(app):
    def make(limit, **options):
        return task_of(app, call, limit=limit, **options)

    return make


@pytest.fixture
def process(ledger):
    return ledger.register(new_process())


def claimed(ledger, process, limit=100):
    return [job.task_id for job in ledger.claim(process, ("celery",), limit)]


def lanes():
    return dict(Job.objects.filter(state="available").values_list("task_id", "lane"))


def count_admitted():
    return Job.objects.filter(state="available", lane="database").count()


def end(ledger, process, job, state=State.COMPLETED, **fields):
    with transaction.atomic():
        ledger.close([closing(job, process, state, **fields)])
        ledger.admit({job.limit_key})


# --- concurrency


def test_no_more_than_so_many_of_a_key_are_admitted_and_other_keys_have_their_own_places(task, ledger, process):
    limited = task(TWO_EACH)
    first = [limited.delay(1).id for _ in range(5)]
    second = [limited.delay(2).id for _ in range(5)]

    assert claimed(ledger, process) == [first[0], first[1], second[0], second[1]]


def test_full_limit_holds_up_nobody_behind_it(app, task, ledger, process):
    def work():
        return None

    limited = task(ONE)
    first = limited.delay().id
    enqueue_many(limited, [()] * 50)
    behind = task_of(app, work).delay().id

    assert claimed(ledger, process, 2) == [first, behind]


def test_end_of_a_job_admits_the_next_in_line_in_the_same_transaction(task, ledger, process):
    limited = task(ONE)
    ids = [limited.delay().id for _ in range(3)]
    urgent = limited.apply_async(priority=-1).id
    [job] = ledger.claim(process, ("celery",), 10)
    assert job.task_id == ids[0]
    with transaction.atomic():
        ledger.close([closing(job, process)])
        ledger.admit({job.limit_key})
        transaction.set_rollback(True)
    assert count_admitted() == 0
    end(ledger, process, job)

    assert claimed(ledger, process) == [urgent]


def test_worker_runs_all_of_them_one_after_the_other(task, worker):
    limited = task(ONE)
    results = [limited.delay(number) for number in range(8)]

    assert worker.drain() == 8
    assert [result.get(timeout=5) for result in results] == list(range(8))


def test_worker_that_closes_and_claims_in_one_commit_never_has_too_many(task, worker):
    limited = task(TWO_EACH)
    enqueue_many(limited, [(1,)] * 10)
    counts = []
    while messages := worker.claim(10):
        counts.append(len(messages))
        for message in messages:
            worker.run(message)

    assert counts == [2] * 5


def test_rest_of_a_chain_gets_into_line(app, task, worker):
    def begin():
        return 1

    limited = task(ONE)
    results = [chain(task_of(app, begin).s(), limited.s())() for _ in range(3)]

    assert worker.drain() == 6
    assert [result.get(timeout=5) for result in results] == [1, 1, 1]


def test_failed_and_cancelled_jobs_give_their_places_up(task, ledger, process):
    limited = task(ONE)
    ids = [limited.delay().id for _ in range(3)]
    for number, state in enumerate([State.DISCARDED, State.CANCELLED]):
        [job] = ledger.claim(process, ("celery",), 10)
        assert job.task_id == ids[number]
        end(ledger, process, job, state)

    assert claimed(ledger, process) == [ids[2]]


def test_retry_gives_its_place_up_and_gets_into_line_when_it_is_due(task, ledger, process):
    limited = task(ONE)
    first, second = (limited.delay().id for _ in range(2))
    [job] = ledger.claim(process, ("celery",), 10)
    end(ledger, process, job, State.RETRYABLE, successor=new_job(first, task="call", available_at=clock.now() + HOUR))
    [other] = ledger.claim(process, ("celery",), 10)
    assert other.task_id == second
    Job.objects.filter(task_id=first).update(available_at=timezone.now() - SECOND)
    ledger.promote_due()
    assert claimed(ledger, process) == []
    end(ledger, process, other)

    assert claimed(ledger, process) == [first]


def test_job_that_becomes_due_is_admitted_when_there_is_a_place(task, ledger, process):
    limited = task(ONE)
    later = limited.apply_async(countdown=3600).id
    Job.objects.update(available_at=timezone.now() - SECOND)
    ledger.promote_due()

    assert claimed(ledger, process) == [later]


def test_released_and_rescued_jobs_have_their_place_still(task, ledger, process):
    limited = task(ONE)
    first, _ = (limited.delay().id for _ in range(2))
    [job] = ledger.claim(process, ("celery",), 10)
    ledger.release([token_of(job, process)])
    assert claimed(ledger, ledger.register(elsewhere(lease=EXPIRED))) == [first]
    Rescuer("default").rescue(judges_leases=True)
    Overlooked("default").admit()

    assert claimed(ledger, process) == [first]


# --- nobody waits for ever


def test_place_of_a_cancelled_job_is_found_by_whoever_looks_after_all(task):
    limited = task(ONE)
    first, second = (limited.delay().id for _ in range(2))
    cancel_waiting(first, "revoked")
    assert lanes() == {second: "limited"}

    assert Overlooked("default").admit() == 1
    assert lanes() == {second: "database"}


def test_job_whose_publisher_died_behind_its_commit_is_admitted(task):
    limited = task(ONE)
    first = limited.delay().id
    Job.objects.update(lane="limited")

    assert Overlooked("default").admit() == 1
    assert lanes() == {first: "database"}


def test_all_keys_are_looked_at_in_turn(task, monkeypatch):
    limited = task(TWO_EACH)
    enqueue_many(limited, [(customer,) for customer in range(7)])
    Job.objects.update(lane="limited")
    monkeypatch.setattr("workstate.core.jobs.ledger.limits.WAITING_KEYS", WAITING_KEYS.replace("200", "3"))
    monkeypatch.setattr("workstate.core.jobs.ledger.limits.KEYS_AT_ONCE", 3)
    overlooked = Overlooked("default")

    assert [overlooked.admit() for _ in range(4)] == [3, 3, 1, 0]


def test_jobs_of_a_limit_that_was_removed_wait_no_longer(task):
    limited = task(ONE)
    ids = [limited.delay().id for _ in range(3)]
    Limit.objects.all().delete()
    Overlooked("default").admit()

    assert lanes() == dict.fromkeys(ids, "database")


def test_jobs_that_were_rolled_back_leave_no_place_taken(task):
    limited = task(ONE)
    with transaction.atomic():
        limited.delay()
        transaction.set_rollback(True)
    second = limited.delay().id

    assert lanes() == {second: "database"}


def test_limit_is_as_it_was_declared_last(task):
    task(ONE).delay()
    wider = task(None)
    wider.limit = LimitedTo(concurrency=3)
    for _ in range(4):
        wider.delay()

    assert Limit.objects.get().concurrency == 3
    assert count_admitted() == 3


def test_call_may_name_its_limit_or_opt_out(task):
    limited = task(ONE)
    first = limited.delay().id
    second = limited.apply_async(limit=LimitedTo(concurrency=1, key=lambda **_: "other")).id
    third = limited.apply_async(limit=False).id

    assert lanes() == dict.fromkeys([first, second, third], "database")
    assert job_row(third).limit_key is None


def test_unique_job_may_be_limited_too(app):
    limited = task_of(app, call, unique=Unique(), limit=ONE)
    first, again, other = (limited.delay(number) for number in (1, 1, 2))

    assert again.id == first.id
    assert lanes() == {first.id: "database", other.id: "limited"}


# --- pauses


def test_jobs_of_a_paused_queue_take_no_place_from_others_of_their_key(task, ledger, process):
    limited = task(ONE)
    paused = limited.apply_async(queue="other").id
    second = limited.delay().id
    pause_queue(queue="other", by="ada")
    Overlooked("default").admit()
    assert lanes() == {paused: "limited", second: "database"}

    resume_queue(queue="other", by="ada")
    [job] = ledger.claim(process, ("celery",), 10)
    end(ledger, process, job)
    assert [job.task_id for job in ledger.claim(process, ("other",), 10)] == [paused]


# --- rates


@pytest.fixture
def at(monkeypatch):
    """Set the clock."""
    start = datetime(2026, 5, 1, tzinfo=UTC)

    def set_clock(seconds):
        monkeypatch.setattr(clock, "now", lambda: start + timedelta(seconds=seconds))

    set_clock(0)
    return set_clock


def test_starts_are_spread_evenly_and_a_late_look_makes_up_for_little(task, ledger, process, at):
    limited = task(LimitedTo(rate="10/m"))
    enqueue_many(limited, [()] * 20)
    started = {}
    for second in range(60):
        at(second)
        ledger.promote_due()
        if jobs := claimed(ledger, process):
            started[second] = len(jobs)
    assert started == dict.fromkeys(range(0, 60, 6), 1)

    at(120)
    ledger.promote_due()
    assert len(claimed(ledger, process)) == 1


def test_ledger_says_when_the_next_start_is_due_and_not_when_nobody_waits(task, ledger, process, at):
    limited = task(LimitedTo(rate="10/m"))
    limited.delay()
    limited.delay()
    due = clock.now() + timedelta(seconds=6) - TOLERANCE
    assert due <= ledger.next_due_at() <= due + TOLERANCE
    for second in (6, 12):
        at(second)
        assert len(claimed(ledger, process)) == second / 6 - (second == 12)
        ledger.promote_due()

    assert ledger.next_due_at() is None


def test_fast_rate_is_admitted_in_small_groups_and_not_piled_up_while_nobody_claims(task, ledger, process, at):
    limited = task(LimitedTo(rate="1000/s"))
    enqueue_many(limited, [()] * 500)
    at(10)
    for _ in range(5):
        ledger.promote_due()
    assert count_admitted() <= 101

    started = 0
    for hundredth in range(1, 31):
        at(10 + hundredth / 100)
        ledger.promote_due()
        started += len(claimed(ledger, process, 1000))
    assert 300 <= started <= 300 + 202


def test_rate_and_concurrency_hold_together(task, ledger, process, at):
    limited = task(LimitedTo(rate="1/s", concurrency=2))
    enqueue_many(limited, [()] * 9)
    held = []
    for second in range(5):
        at(second)
        ledger.promote_due()
        held += ledger.claim(process, ("celery",), 10)
    assert len(held) == 2
    assert ledger.next_due_at() is None
    end(ledger, process, held[0])

    assert len(claimed(ledger, process)) == 1


# --- many at once


class Watch:
    """Counts what runs of each key at the same time, and what has ended."""

    def __init__(self):
        self._guard = threading.Lock()
        self.running = Counter()
        self.most = Counter()
        self.ended = []

    def begin(self, jobs):
        with self._guard:
            self.running.update(job.limit_key for job in jobs)
            self.most |= self.running

    def end(self, job):
        with self._guard:
            self.running.subtract([job.limit_key])
            self.ended.append(job.task_id)


def test_many_callers_and_workers_at_once_never_exceed_the_limit_and_run_everything(task, connect):
    limited = task(TWO_EACH)
    callers, calls, customers = 3, 30, 2
    watch = Watch()
    deadline = monotonic() + 90

    def enqueue():
        for number in range(calls):
            limited.delay(number % customers)
        connections.close_all()

    def work():
        mine = ledger_on(connect())
        process = mine.register(new_process())
        while len(watch.ended) < callers * calls and monotonic() < deadline:
            jobs = mine.claim(process, ("celery",), 3)
            watch.begin(jobs)
            for job in jobs:
                watch.end(job)
                with mine.transaction():
                    mine.close([closing(job, process)])
                    mine.admit({job.limit_key})

    threads = [threading.Thread(target=run) for run in [enqueue] * callers + [work] * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(100)

    assert len(watch.ended) == len(set(watch.ended)) == callers * calls
    assert set(watch.most) == {"customer:0", "customer:1"}
    assert set(watch.most.values()) <= {1, 2}


# --- cost


def test_hundred_thousand_waiting_for_one_key_are_not_walked_through(ledger, process):
    now = ledger.now()
    numbers = {
        "sqlite": "(WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 100000)"
        " SELECT n FROM numbers) AS numbers",
        "postgresql": "generate_series(1, 100000) AS numbers (n)",
    }[connection.vendor]
    ledger.execute(
        "INSERT INTO workstate_job (task_id, task, queue, lane, state, priority, headers, properties, body, attempt,"
        " lost_attempts, enqueued_at, available_at, limit_key) SELECT 'filled-' || n, 'work', 'celery', 'limited',"
        f" 'available', 0, '{{}}', '{{}}', '[]', 0, 0, %s, %s, 'full' FROM {numbers}",
        [now, now],
    )
    Limit.objects.create(key="full", concurrency=1)
    ledger.execute("ANALYZE")
    first_in_line = f"SELECT id FROM workstate_job WHERE {IS_WAITING} AND limit_key = %s ORDER BY priority, id LIMIT 1"
    for sql, params, index in (
        (first_in_line, ["full"], "workstate_job_limited"),
        (READ, ["full"] * 3, "workstate_job_admitted"),
        (WAITING_KEYS, [""], "workstate_job_limited"),
    ):
        plan = plan_of(sql, params)
        assert index in plan, plan
        assert "Seq Scan" not in plan.replace("Seq Scan on workstate_limit", ""), plan
        assert "SCAN workstate_job" not in plan, plan


def plan_of(sql, params):
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {'QUERY PLAN ' if connection.vendor == 'sqlite' else ''}{sql}", params)
        return "\n".join(json.dumps(row) for row in cursor.fetchall())


# --- what takes a job's place


def test_task_that_takes_a_place_keeps_within_its_own_limit(app, worker, process):
    limited = task_of(app, call, limit=ONE)

    def hand_on(self):
        raise self.replace(limited.si())

    handing_on = task_of(app, hand_on, bind=True)
    for _ in range(3):
        handing_on.delay()
    for message in worker.claim(3):
        worker.run(message)

    assert Counter(lanes().values()) == {"database": 1, "limited": 2}
    assert worker.drain() == 3
    assert set(Job.objects.values_list("state", flat=True)) == {"completed"}


def test_unlimited_task_that_takes_a_place_frees_it(app, worker):
    free = task_of(app, call)

    def hand_on(self):
        raise self.replace(free.si())

    handing_on = task_of(app, hand_on, bind=True, limit=ONE)
    for _ in range(3):
        handing_on.delay()

    assert worker.drain() == 6
    assert list(Job.objects.values_list("task", "state", "limit_key")) == [("call", "completed", None)] * 3


def test_retry_keeps_within_the_limit_that_its_call_named(app, worker):
    def work(self):
        raise self.retry(countdown=3600)

    task_of(app, work, bind=True).apply_async(limit=ONE)
    worker.drain()

    [job] = Job.objects.all()
    assert (job.state, job.limit_key, job.lane) == ("retryable", "work", "limited")


def test_key_that_is_empty_is_the_tasks_own(task):
    limited = task(LimitedTo(concurrency=1, key=lambda *_: ""))
    limited.delay()
    assert Job.objects.get().limit_key == "call"
