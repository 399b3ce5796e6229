"""Tasks for everything that a test asks of Celery."""

import os
import signal
import uuid
from decimal import Decimal

from celery import shared_task
from celery.exceptions import Ignore, Reject, SoftTimeLimitExceeded
from django.apps import apps
from django.db import transaction

from project.effects import count, record, wait_at_gate
from project.models import Note


class PaymentRefusedError(Exception):
    """An exception of the project's own."""


# Results


@shared_task
def add(x, y):
    return x + y


@shared_task
def total(numbers):
    return sum(numbers)


@shared_task
def echo(value):
    return value


@shared_task
def fail(message):
    raise ValueError(message)


@shared_task
def refuse(message):
    raise PaymentRefusedError(message)


@shared_task
def fail_about_an_object():
    raise LookupError("no such customer", uuid.UUID(int=7), Decimal("1.5"))


@shared_task(bind=True)
def settle_its_own_failure(self):
    self.update_state(
        state="FAILURE", meta={"exc_type": "ValueError", "exc_module": "builtins", "exc_message": ["settled"]}
    )
    raise Ignore


@shared_task(bind=True)
def settle_its_own_success(self):
    self.update_state(state="SUCCESS", meta="settled")
    raise Ignore


@shared_task(ignore_result=True)
def tell(name, **details):
    record(name, **details)


@shared_task(bind=True)
def describe_request(self):
    request = self.request
    return {"id": request.id, "queue": request.delivery_info["routing_key"], "retries": request.retries}


@shared_task
def routed():
    return "routed"


# Work that takes its time


@shared_task(bind=True)
def hold(self, name):
    """Tell `<name>` at the start, wait at the gate of that name, tell `<name> done`."""
    record(name, id=self.request.id, redelivered=bool(self.request.delivery_info.get("redelivered")))
    wait_at_gate(name)
    record(f"{name} done", id=self.request.id)
    return name


@shared_task(bind=True, acks_late=True)
def hold_acknowledging_late(self, name):
    record(name, id=self.request.id)
    wait_at_gate(name)
    record(f"{name} done", id=self.request.id)


@shared_task(bind=True, acks_late=False)
def hold_acknowledging_early(self, name):
    record(name, id=self.request.id)
    wait_at_gate(name)
    record(f"{name} done", id=self.request.id)


@shared_task
def hold_each_run(name):
    """Tell `<name>`, wait at a gate of the running process's own (`<name> <pid>`), return its pid."""
    record(name)
    wait_at_gate(f"{name} {os.getpid()}")
    record(f"{name} done")
    return os.getpid()


@shared_task(soft_time_limit=0.2)
def overrun_softly(name):
    try:
        wait_at_gate("never")
    except SoftTimeLimitExceeded:
        record(name)
        raise


@shared_task(time_limit=0.4)
def overrun_hard(name):
    record(name)
    wait_at_gate("never")


@shared_task(bind=True)
def report_progress(self, name):
    self.update_state(state="HALFWAY", meta={"done": 5, "total": 10})
    record(name)
    wait_at_gate(name)
    return "all"


@shared_task(rate_limit="5/s")
def tell_at_most_five_a_second(name):
    record(name)


# Retries


@shared_task(bind=True, max_retries=3)
def succeed_at_the_third_try(self, name):
    record(name, retries=self.request.retries)
    if self.request.retries < 2:
        raise self.retry(countdown=0.05)
    return self.request.retries


@shared_task(bind=True, max_retries=1, default_retry_delay=0.05)
def retry_in_vain(self, name):
    record(name, retries=self.request.retries)
    raise self.retry()


@shared_task(bind=True)
def retry_later(self, name):
    record(name)
    raise self.retry(exc=ConnectionError("unreachable"), countdown=3600)


@shared_task(bind=True)
def report_progress_and_retry_later(self):
    self.update_state(state="HALFWAY", meta={"done": 5})
    raise self.retry(exc=ConnectionError("unreachable"), countdown=3600)


@shared_task(bind=True, max_retries=1)
def retry_for_a_cause(self):
    try:
        raise ConnectionError("unreachable")  # noqa: TRY301  the shape that Celery's guide teaches
    except ConnectionError as error:
        raise self.retry(exc=error, countdown=0) from error


@shared_task(bind=True, max_retries=1)
def retry_and_go_on(self, name):
    record(name, retries=self.request.retries)
    if not self.request.retries:
        self.retry(countdown=0, throw=False)


@shared_task(bind=True, autoretry_for=(ConnectionError,), retry_kwargs={"max_retries": 2, "countdown": 0})
def fail_to_connect(self, name):
    record(name, retries=self.request.retries)
    raise ConnectionError("unreachable")


@shared_task(autoretry_for=(ConnectionError,), max_retries=1, retry_backoff=1, retry_jitter=False)
def fail_to_connect_and_back_off(name):
    record(name)
    raise ConnectionError("unreachable")


@shared_task(autoretry_for=(ConnectionError,), max_retries=3, retry_backoff=1, retry_backoff_max=1, retry_jitter=False)
def fail_to_connect_with_a_cap(name):
    record(name)
    raise ConnectionError("unreachable")


@shared_task(autoretry_for=(OSError,), dont_autoretry_for=(FileNotFoundError,), retry_kwargs={"countdown": 0})
def fail_to_find(name):
    record(name)
    raise FileNotFoundError(name)


@shared_task(autoretry_for=(ConnectionError,), max_retries=2, retry_backoff=True, retry_jitter=True)
def fail_to_connect_with_jitter(name):
    record(name)
    raise ConnectionError("unreachable")


# Acknowledgement


@shared_task
def ignore(name):
    record(name)
    raise Ignore


@shared_task(acks_late=True)
def reject(name):
    record(name)
    raise Reject("not for us", requeue=False)


@shared_task(bind=True, acks_late=True)
def reject_once(self, name):
    is_first = count(name) == 0
    record(name, redelivered=bool(self.request.delivery_info.get("redelivered")))
    if is_first:
        raise Reject("again, please", requeue=True)
    return "accepted"


@shared_task(acks_late=True)
def fail_acknowledging_late(name):
    record(name)
    raise ValueError(name)


# Canvas


@shared_task
def tell_value(value, name):
    record(name, value=value)
    return value


@shared_task
def tell_error(request, error, traceback, name):
    record(f"errback of {name}", id=request.id, error=str(error))


@shared_task(bind=True)
def replace_with_sum(self, x, y):
    raise self.replace(add.s(x, y))


# Tasks and the database


@shared_task
def read_note(pk):
    text = Note.objects.get(pk=pk).text
    record("note", text=text)
    return text


@shared_task
def enqueue_another(name):
    return tell.delay(name).id


@shared_task
def enqueue_and_return_id(x, y):
    return add.delay(x, y).id


@shared_task
def enqueue_and_roll_back(name):
    with transaction.atomic():
        tell.delay(name)
        raise ValueError(name)


# Death


@shared_task(bind=True)
def kill_pool_child(self, name):
    record(name, id=self.request.id)
    os.kill(os.getpid(), signal.SIGKILL)


@shared_task(bind=True)
def kill_worker(self, name):
    record(name, id=self.request.id)
    os.kill(os.getppid(), signal.SIGKILL)
    wait_at_gate("never")


if apps.is_installed("workstate.core"):
    from project.steered_tasks import *  # noqa: F403
