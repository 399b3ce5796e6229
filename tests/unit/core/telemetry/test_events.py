from __future__ import annotations

import logging
import re
from dataclasses import fields

import pytest

from workstate.core.telemetry import emit, subscribe, unsubscribe
from workstate.core.telemetry.catalogue import DatabaseReturned, JobCompleted, JobRescued, QueuePaused, QueueResumed
from workstate.core.telemetry.dispatcher import is_wanted
from workstate.core.telemetry.event import events_by_name

PAUSED = QueuePaused(queue="mail", by="ada", reason="the server is full")


@pytest.fixture
def heard():
    """Events of two kinds, as a subscriber hears them."""
    events = []

    def hear(event):
        events.append(event)

    subscribe(hear, QueuePaused, JobRescued)
    yield events
    unsubscribe(hear)


@pytest.mark.parametrize("name", events_by_name)
def test_names_are_dotted_and_texts_use_fields_that_exist(name):
    kind = events_by_name[name]
    assert re.fullmatch(r"[a-z_]+\.[a-z_]+", name)
    assert set(re.findall(r"%\((\w+)\)", kind.text)) <= {field.name for field in fields(kind)}
    assert kind.__doc__


def test_subscriber_hears_the_kinds_that_it_asked_for(heard):
    emit(PAUSED)
    emit(QueueResumed(queue="mail", by="ada"))
    assert heard == [PAUSED]


def test_subscriber_that_fails_does_not_stop_the_others(heard, caplog):
    def fail(event):
        raise ValueError("deaf")

    subscribe(fail, QueuePaused)
    try:
        emit(PAUSED)
    finally:
        unsubscribe(fail)
    emit(PAUSED)
    assert heard == [PAUSED, PAUSED]
    assert caplog.text.count("A subscriber failed on queue.paused") == 1


def test_subscribing_twice_is_subscribing_once():
    heard = []

    def hear(event):
        heard.append(event)

    subscribe(hear, QueuePaused)
    subscribe(hear, QueuePaused)
    emit(PAUSED)
    unsubscribe(hear)
    emit(PAUSED)
    assert heard == [PAUSED]


def test_nobody_wants_each_end_of_a_job_unless_somebody_asks():
    assert not is_wanted(JobCompleted)
    assert is_wanted(QueuePaused)


def test_log_has_one_line_with_stable_fields(caplog):
    caplog.set_level(logging.INFO)
    emit(PAUSED)
    [record] = caplog.records
    assert record.getMessage() == "Queue mail was paused by ada: the server is full"
    assert (record.name, record.levelno) == ("workstate.events", logging.INFO)
    assert (record.event, record.data) == (
        "queue.paused",
        {"queue": "mail", "by": "ada", "reason": "the server is full"},
    )


def test_event_without_fields_is_logged_too(caplog):
    emit(DatabaseReturned())
    assert [record.getMessage() for record in caplog.records] == ["The ledger's database answers again."]


def test_event_that_celery_logs_is_not_logged_again(caplog, heard):
    caplog.set_level(logging.DEBUG)
    event = JobRescued(task_id="1", task="work", queue="celery")
    emit(event)
    assert (heard, caplog.records) == ([event], [])


def test_traceback_of_what_went_wrong_is_in_the_log(caplog):
    kind = events_by_name["process.unrescued"]
    try:
        {}["nowhere"]
    except KeyError:
        emit(kind(process_id=7))
    assert "KeyError: 'nowhere'" in caplog.text
