"""Whatever is done to jobs in whatever order, each move is a legal one and no row is lost."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.jobs import FAILURE, HOUR, closing, new_job, new_process, states, token_of
from real_databases import BOTH_DATABASES
from workstate.core.jobs.models import Job
from workstate.core.jobs.states import MOVES, WAITING, State
from workstate.core.jobs.waiting import cancel_waiting, purge

pytestmark = BOTH_DATABASES

NUMBERS = st.integers(min_value=0, max_value=7)


class Life:
    """Does things to jobs, with tokens that may long be stale."""

    def __init__(self, ledger):
        Job.objects.all().delete()
        self.ledger = ledger
        self.process = ledger.register(new_process())
        self.tokens = []
        self.known = {}

    def enqueue(self, number):
        self.ledger.insert([new_job(str(number))])

    def schedule(self, number):
        self.ledger.insert([new_job(str(number), available_at=timezone.now() + HOUR)])

    def become_due(self, number):
        Job.objects.filter(task_id=str(number)).update(available_at=timezone.now() - HOUR)
        self.ledger.promote_due()

    def claim(self, number):
        self.tokens += [(job, self.process) for job in self.ledger.claim(self.process, ("celery",), number)]

    def complete(self, number):
        self._close(number, State.COMPLETED, result="1")

    def fail(self, number):
        self._close(number, State.DISCARDED, failure=FAILURE, reason="failed")

    def cancel_running(self, number):
        self._close(number, State.CANCELLED, reason="revoked")

    def ignore(self, number):
        self._close(number, State.COMPLETED, is_ignored=True)

    def retry(self, number):
        due = timezone.now() + timedelta(minutes=1)
        self._close(number, State.RETRYABLE, successor=lambda job: new_job(job.task_id, available_at=due))

    def retry_at_once(self, number):
        self._close(number, State.AVAILABLE, successor=lambda job: new_job(job.task_id))

    def release(self, number):
        self._with_token(number, lambda job, process: self.ledger.release([token_of(job, process)]))

    def requeue(self, number):
        self._with_token(number, lambda job, process: self.ledger.requeue([token_of(job, process)]))

    def lose(self, number):
        self._with_token(number, lambda job, process: self.ledger.return_lost(token_of(job, process), counts=True))

    def start(self, number):
        self._with_token(
            number, lambda job, process: self.ledger.mark_started(token_of(job, process), acknowledge=False)
        )

    def cancel(self, number):
        cancel_waiting(str(number), "revoked")

    def purge(self, number):
        purge("celery")

    def change_process(self, number):
        self.ledger.end_process(self.process, "stopped")
        self.process = self.ledger.register(new_process())

    def _close(self, number, state, successor=None, **fields):
        def close(job, process):
            following = successor and successor(job)
            self.ledger.close([closing(job, process, state, successor=following, **fields)])

        self._with_token(number, close)

    def _with_token(self, number, act):
        if self.tokens:
            act(*self.tokens[number % len(self.tokens)])

    def check(self, step):
        """Compare with what was there before."""
        now = states()
        assert set(self.known) <= set(now), f"{step} lost a row"
        for task_id, after in now.items():
            before = self.known.get(task_id, after)
            gave_its_place_away = before == "completed" and step == "enqueue"
            assert before == after or State(after) in MOVES[State(before)] or gave_its_place_away, (step, before, after)
        held = Job.objects.filter(state="executing").values_list("process_id", flat=True)
        assert None not in held
        assert not Job.objects.filter(state__in=WAITING).exclude(process_id=None).exists()
        self.known = now


STEPS = [name for name in vars(Life) if not name.startswith("_") and name != "check"]


@pytest.mark.timeout(300)
def test_random_lives_make_only_legal_moves_and_lose_no_job(ledger):
    @settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.tuples(st.sampled_from(STEPS), NUMBERS), max_size=40))
    def live(steps):
        life = Life(ledger)
        for step, number in steps:
            getattr(life, step)(number)
            life.check(step)

    live()
