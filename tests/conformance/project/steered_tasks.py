"""Tasks that use what Workstate offers beyond Celery."""

import time
from datetime import timedelta

from celery import shared_task

from project.effects import record, wait_at_gate
from workstate.core.jobs.limits import LimitedTo
from workstate.core.jobs.progress import report_progress
from workstate.core.jobs.retries import RetryPolicy
from workstate.core.jobs.steering import FinalError, RetryRequested

__all__ = [
    "ask_for_another_try",
    "fail_to_connect_by_policy",
    "refuse_for_good",
    "report_until_cancelled",
    "retry_within_a_limit",
    "tell_at_most_ten_a_second",
    "use_a_place",
    "work_deaf",
]

AT_ONCE = RetryPolicy(max_retries=2, first=timedelta(milliseconds=1), longest=timedelta(milliseconds=2))


@shared_task(retries=AT_ONCE)
def fail_to_connect_by_policy(name):
    record(name)
    raise ConnectionError("unreachable")


@shared_task(retries=AT_ONCE)
def refuse_for_good(name):
    record(name)
    raise FinalError(name)


@shared_task(bind=True)
def ask_for_another_try(self, name):
    record(name, retries=self.request.retries)
    if not self.request.retries:
        raise RetryRequested("not yet", after=timedelta(milliseconds=50))
    return self.request.retries


# Cancelling


@shared_task
def report_until_cancelled(name):
    record(name)
    while True:
        report_progress(1, 2)
        time.sleep(0.05)


@shared_task
def work_deaf(name):
    record(name)
    wait_at_gate("never")


@shared_task(limit=LimitedTo(concurrency=2, key=lambda customer, **_: f"customer:{customer}"))
def use_a_place(customer, seconds=0.02):
    record(f"begin {customer}")
    time.sleep(seconds)
    record(f"end {customer}")


@shared_task(limit=LimitedTo(rate="10/s"))
def tell_at_most_ten_a_second(name):
    record(name)


@shared_task(bind=True, limit=LimitedTo(concurrency=1), max_retries=1)
def retry_within_a_limit(self, name):
    record(name)
    raise self.retry(countdown=0.2)
