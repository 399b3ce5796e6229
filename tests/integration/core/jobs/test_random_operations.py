"""Whatever people and workers do to limited, unique and batched jobs in whatever order, nothing is stuck or miscounted."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from celery import chord
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.jobs import new_process
from real_databases import BOTH_DATABASES
from workstate.core.jobs.batch_progress import cancel_batch
from workstate.core.jobs.batches import create_batch
from workstate.core.jobs.cancellations import cancel_jobs
from workstate.core.jobs.connections import private_connection
from workstate.core.jobs.discards import discard_jobs
from workstate.core.jobs.filters import JobFilter
from workstate.core.jobs.ledger import ledger_on
from workstate.core.jobs.limits import LimitedTo
from workstate.core.jobs.models import Batch, Chord, Job, Limit
from workstate.core.jobs.pauses import pause_queue, resume_queue
from workstate.core.jobs.replays import replay_jobs
from workstate.core.jobs.states import ENDED, State
from workstate.core.jobs.steering import RetryRequested
from workstate.core.jobs.unique import Conflict, Unique
from workstate.core.jobs.waiting import purge
from workstate.core.worker.overlooked import Overlooked
from workstate.core.worker.rescuer import Rescuer

pytestmark = BOTH_DATABASES

NUMBERS = st.integers(min_value=0, max_value=5)
CONCURRENCY = 2


def fickle(number):
    """Fail, or ask for another try, as the number says."""
    if number % 3 == 1:
        raise ValueError(number)
    if number % 3 == 2 and not fickle.has_retried.get(number):
        fickle.has_retried[number] = True
        raise RetryRequested("again", after=timedelta())
    return number


def total(results):
    return sum(results)


class Life:
    """Does what people and workers do."""

    def __init__(self, tasks, worker):
        for model in (Job, Batch, Chord, Limit):
            model.objects.all().delete()
        resume_queue(queue="celery", by="test")
        fickle.has_retried = {}
        self.tasks, self.worker = tasks, worker
        self.held = []

    def enqueue(self, number):
        self.tasks["plain"].delay(number)

    def enqueue_limited(self, number):
        self.tasks["limited"].delay(number)

    def enqueue_unique(self, number):
        self.tasks["unique"].delay(number)

    def enqueue_replacing(self, number):
        self.tasks["replacing"].delay(number)

    def enqueue_chord(self, number):
        chord([self.tasks["limited"].s(3 * i + number % 2) for i in range(3)])(self.tasks["total"].s())

    def batch(self, number):
        batch = create_batch(name="life", on_end=self.tasks["plain"].si(0))
        for i in range(number):
            batch.add(self.tasks["limited"], (i,))
        batch.add(self.tasks["unique"], (number,))
        batch.seal()

    def run(self, number):
        self.worker.drain(number)

    def claim(self, number):
        self.held += self.worker.claim(number)

    def run_held(self, number):
        for message in self.held[:number]:
            if self.worker.holdings.holds(message):
                self.worker.run(message)
        del self.held[:number]

    def give_back(self, number):
        for message in self.held[:number]:
            self.worker.holdings.release(message)
        self.worker.holdings.flush()
        del self.held[:number]

    def lose(self, number):
        for message in self.held[:number]:
            message.is_started = True
            self.worker.holdings.return_lost(message)
        self.worker.holdings.flush()
        del self.held[:number]

    def lose_elsewhere(self, number):
        ledger = ledger_on(private_connection("default"))
        process = ledger.register(new_process(pid=2**22 - 3, pid_started="1"))
        ledger.claim(process, ("celery",), number)
        Rescuer("default").rescue(judges_leases=False)

    def cancel_some(self, number):
        ids = list(Job.objects.order_by("id").values_list("task_id", flat=True)[number : number + 3])
        cancel_jobs(task_ids=ids, reason="test")

    def cancel_batch(self, number):
        for batch in Batch.objects.filter(ended_at=None):
            cancel_batch(batch_id=batch.id, reason="test", by="test")

    def discard(self, number):
        ids = list(Job.objects.order_by("id").values_list("task_id", flat=True)[number : number + 3])
        discard_jobs(jobs=JobFilter(task_ids=tuple(ids)), reason="test")

    def replay(self, number):
        replay_jobs(jobs=JobFilter(dead_letters=True))

    def replay_cancelled(self, number):
        replay_jobs(jobs=JobFilter(states=frozenset({State.CANCELLED})))

    def purge(self, number):
        purge("celery")

    def pause(self, number):
        pause_queue(queue="celery", by="test")

    def resume(self, number):
        resume_queue(queue="celery", by="test")

    def settle(self):
        """Let everything end that can."""
        resume_queue(queue="celery", by="test")
        self.run_held(len(self.held))
        ledger = ledger_on(private_connection("default"))
        for _ in range(200):
            ledger.promote_due()
            Overlooked("default").admit()
            Rescuer("default").rescue(judges_leases=False)
            if not self.worker.drain(200) and not Job.objects.exclude(state__in=ENDED).exists():
                break

    def check_limits(self):
        ours = Job.objects.filter(limit_key="limited").exclude(lane="limited")
        assert ours.filter(state__in=("available", "executing")).count() <= CONCURRENCY

    def check_end(self):
        left = Job.objects.exclude(state__in=ENDED)
        assert not left.exists(), list(left.values("task", "state", "lane", "limit_key", "available_at", "attempt"))
        assert not Job.objects.exclude(unique_key=None).filter(is_key_free=False).exists()
        for batch in Batch.objects.all():
            truth = Counter(Job.objects.filter(batch_id=batch.id).values_list("state", flat=True))
            told = {"completed": batch.completed, "discarded": batch.discarded, "cancelled": batch.cancelled}
            assert told == {state: truth[state] for state in told}
            assert batch.is_ended
            assert batch.size == batch.ended
        for header in Chord.objects.all():
            parts = Job.objects.filter(chord_id=header.chord_id)
            assert header.completed == parts.count(), (header.completed, list(parts.values("task", "state")))
            assert header.fired_at


STEPS = [
    name for name in vars(Life) if not name.startswith("_") and name not in {"settle", "check_limits", "check_end"}
]


@pytest.mark.timeout(300)
def test_random_operations_leave_nothing_stuck_and_nothing_miscounted(app, worker):
    def named(name, function, **options):
        return app.task(name=name, shared=False, **options)(function)

    tasks = {
        "plain": named("plain", fickle),
        "limited": named("limited", fickle, limit=LimitedTo(concurrency=CONCURRENCY)),
        "unique": named("unique", fickle, unique=Unique(), limit=LimitedTo(concurrency=1)),
        "replacing": named("replacing", fickle, unique=Unique(by="task", conflict=Conflict.REPLACE)),
        "total": named("total", total),
    }

    @settings(max_examples=15, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(st.sampled_from(STEPS), NUMBERS), min_size=5, max_size=30))
    def live(steps):
        life = Life(tasks, worker)
        for step, number in steps:
            getattr(life, step)(number)
            life.check_limits()
        life.settle()
        life.check_end()

    live()
