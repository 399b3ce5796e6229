from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest

from workstate.core.broker.messages import JobMessage, new_job
from workstate.core.jobs.records import ClaimedJob

PROPERTIES = {"delivery_tag": "tag", "correlation_id": "one", "reply_to": "two", "priority": None}


def message(body="[[1], {}, {}]", headers=None, **properties):
    return {
        "headers": {"id": "seven", "task": "work", **(headers or {})},
        "properties": {**PROPERTIES, **properties},
        "body": body,
        "content-type": "application/json",
        "content-encoding": "utf-8",
    }


def claimed(job, **fields):
    values = {
        "id": 5,
        "task_id": job.task_id,
        "queue": job.queue,
        "attempt": 2,
        "lost_attempts": 0,
        "priority": job.priority,
        "begun_at": None,
        "headers": job.headers,
        "properties": job.properties,
        "body": job.body,
    }
    return JobMessage(ClaimedJob(**values | fields), 9, None)


def test_message_comes_back_as_it_went():
    sent = message(headers={"argsrepr": "('ü',)"})
    received = claimed(new_job("celery", sent))

    assert (received.body, received.headers) == (sent["body"], sent["headers"])
    assert (received.content_type, received.content_encoding) == ("application/json", "utf-8")
    assert received.properties["correlation_id"] == "one"
    assert received.properties["reply_to"] == "two"
    assert received.token == (5, 9, 2)


def test_body_of_bytes_travels_as_text():
    job = new_job("celery", message(body=b"\x00\xff"))

    assert job.body.isascii()
    assert claimed(job).body == b"\x00\xff"


def test_each_delivery_has_a_tag_of_its_own():
    job = new_job("celery", message())

    assert claimed(job).delivery_tag != claimed(job, attempt=3).delivery_tag


@pytest.mark.parametrize(("priority", "stored"), [(None, 0), (0, 0), (9, 9), (-1, -1)])
def test_priority_is_stored_and_told(priority, stored):
    job = new_job("celery", message(priority=priority))

    assert job.priority == stored
    assert claimed(job).delivery_info["priority"] == stored


@pytest.mark.parametrize(
    ("eta", "moment"),
    [
        (None, None),
        ("", None),
        ("2026-01-01T12:00:00+00:00", datetime(2026, 1, 1, 12, tzinfo=UTC)),
        ("2026-01-01T12:00:00Z", datetime(2026, 1, 1, 12, tzinfo=UTC)),
        ("2026-01-01T12:00:00", datetime(2026, 1, 1, 12, tzinfo=UTC)),
        ("2026-01-01T12:00:00.000001+05:30", datetime(2026, 1, 1, 12, 0, 0, 1, timezone(timedelta(hours=5.5)))),
    ],
)
def test_eta_says_when_the_job_is_available(eta, moment):
    assert new_job("celery", message(headers={"eta": eta})).available_at == moment


def test_job_of_a_chord_s_header_names_its_chord():
    body = json.dumps([[], {}, {"chord": {"task": "sum"}}])
    job = new_job("celery", message(body=body, headers={"group": "sum"}))

    assert job.chord_id == "sum"
    assert claimed(job).chord_id == "sum"


@pytest.mark.parametrize("embedded", [{}, {"chord": None}])
def test_job_of_a_plain_group_has_no_chord(embedded):
    job = new_job("celery", message(body=json.dumps([[], {}, embedded]), headers={"group": "several"}))

    assert job.chord_id is None


def test_message_that_is_no_task_is_named_by_its_tag():
    sent = message()
    sent["headers"] = {}
    job = new_job("celery", sent)

    assert (job.task_id, job.task) == ("tag", "")


@pytest.mark.parametrize(
    ("fields", "redelivered"),
    [({}, False), ({"begun_at": datetime(2026, 1, 1, tzinfo=UTC)}, True), ({"lost_attempts": 1}, True)],
)
def test_delivery_says_whether_there_was_one_before(fields, redelivered):
    assert claimed(new_job("celery", message()), **fields).delivery_info["redelivered"] is redelivered


@pytest.mark.parametrize("column", ["headers", "properties"])
def test_row_that_is_not_json_can_not_be_read(column):
    job = new_job("celery", message())
    with pytest.raises(ValueError, match="Expecting"):
        claimed(job, **{column: "{half"})
