"""What AsyncResult says of a row, in every state."""

from __future__ import annotations

import json

import pytest
from billiard.exceptions import WorkerLostError
from celery.exceptions import TaskRevokedError
from celery.exceptions import TimeoutError as CeleryTimeoutError
from celery.result import AsyncResult, GroupResult
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from engine.fixtures import task_of
from engine.jobs import new_job
from real_databases import BOTH_DATABASES
from workstate.core.jobs.models import Job
from workstate.core.jobs.progress import report_progress

pytestmark = BOTH_DATABASES


@pytest.fixture
def result(app, ledger):
    """A job whose row the test writes itself: `result.row(state=…)`."""
    ledger.insert([new_job("job")])
    result = AsyncResult("job", app=app)
    result.row = lambda **fields: Job.objects.filter(task_id="job").update(**fields)
    return result


@pytest.mark.parametrize(
    ("state", "celery_state"),
    [
        ("scheduled", "PENDING"),
        ("available", "PENDING"),
        ("executing", "STARTED"),
        ("retryable", "RETRY"),
        ("completed", "SUCCESS"),
        ("discarded", "FAILURE"),
        ("cancelled", "REVOKED"),
    ],
)
def test_each_state_has_its_name_in_celery(result, state, celery_state):
    result.row(state=state)

    assert result.state == celery_state
    assert result.ready() is (state in {"completed", "discarded", "cancelled"})


@pytest.mark.parametrize("value", [None, 0, "", [], {"a": [1, None]}, "ü" * 100, "2026-01-01T00:00:00"])
def test_value_is_read_as_it_was_stored(result, value):
    result.row(state="completed", result=json.dumps(value))

    assert result.get(timeout=1) == value


def test_error_is_raised_again_with_its_class_and_arguments(result):
    result.row(state="discarded", error_type="builtins.KeyError", error_message='["a", 1]', traceback="Traceback …")

    with pytest.raises(KeyError) as caught:
        result.get(timeout=1)
    assert caught.value.args == ("a", 1)
    assert result.traceback == "Traceback …"
    assert isinstance(result.get(propagate=False), KeyError)


def test_error_of_a_class_that_is_gone_keeps_its_name(result):
    result.row(state="discarded", error_type="gone.module.PaymentRefusedError", error_message='["no"]')

    assert type(result.result).__name__ == "PaymentRefusedError"


def test_cancelled_job_says_why(result):
    result.row(state="cancelled", reason="purged")

    with pytest.raises(TaskRevokedError, match="purged"):
        result.get(timeout=1)


def test_job_that_was_discarded_without_an_error_lost_its_worker(result):
    result.row(state="discarded", reason="worker lost")

    with pytest.raises(WorkerLostError, match="worker lost"):
        result.get(timeout=1)


def test_state_that_the_task_set_itself_is_shown_with_its_meta(result):
    result.row(state="executing", custom_state="HALFWAY", meta='{"done": 1}')

    assert (result.state, result.info) == ("HALFWAY", {"done": 1})
    assert not result.ready()


def test_end_has_its_date_and_no_date_before(result):
    assert result.date_done is None
    moment = timezone.now()
    result.row(state="completed", ended_at=moment)

    assert AsyncResult("job", app=result.app).date_done == moment


def test_unknown_id_is_pending_and_a_wait_for_it_ends(app, ledger):
    unknown = AsyncResult("unknown", app=app)

    assert (unknown.state, unknown.result) == ("PENDING", None)
    with pytest.raises(CeleryTimeoutError):
        unknown.get(timeout=0.01)


def test_forgotten_result_is_pending_and_its_row_stays_as_history(result):
    result.row(state="completed", result='"secret"')
    result.forget()

    assert (AsyncResult("job", app=result.app).state, Job.objects.get().result) == ("PENDING", None)


def test_running_job_is_not_forgotten(result):
    result.row(state="executing")
    result.forget()

    assert AsyncResult("job", app=result.app).state == "STARTED"


def test_children_are_listed_after_the_end(app, worker):
    def leaf():
        return "leaf"

    leaf = task_of(app, leaf)

    def branch():
        leaf.delay()

    result = task_of(app, branch).delay()
    worker.drain()

    assert [child.get(timeout=1) for child in result.children] == ["leaf"]


def test_saved_group_is_restored_and_deleted(app, ledger):
    group = GroupResult("group", [AsyncResult("one", app=app), AsyncResult("two", app=app)], app=app)
    group.save()

    assert GroupResult.restore("group", app=app) == group
    group.delete()
    assert GroupResult.restore("group", app=app) is None


def test_results_in_another_serializer_are_refused_with_what_to_do(app):
    from workstate.core.worker.results import LedgerBackend

    with pytest.raises(ImproperlyConfigured, match="CELERY_RESULT_SERIALIZER is 'pickle': remove it"):
        LedgerBackend(app=app, serializer="pickle")


def test_backend_is_found_by_its_address(app):
    assert app.backend.as_uri() == "workstate://"


def test_progress_is_state_and_info_of_the_running_job(app, worker):
    seen = []

    def work(self):
        report_progress(3, 10, "rows")
        seen.append((AsyncResult(self.request.id).state, AsyncResult(self.request.id).info))
        return "done"

    result = task_of(app, work, bind=True).delay()
    worker.drain()

    assert seen == [("PROGRESS", {"done": 3, "total": 10, "message": "rows"})]
    assert result.state == "SUCCESS"


def test_progress_outside_a_job_is_nothing(ledger):
    report_progress(1, 2)


def test_failure_that_is_no_exception_is_stored_for_a_task_that_nobody_enqueued(app, ledger):
    app.backend.store_result("elsewhere", {"code": 7}, "FAILURE")

    assert AsyncResult("elsewhere", app=app).state == "FAILURE"
    assert AsyncResult("elsewhere", app=app).result.args == ({"code": 7},)
