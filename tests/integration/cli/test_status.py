"""`workstate status` with an empty ledger, a full one, and none."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from supervised.installation import Installation
from workstate.cli import status
from workstate.core.jobs.models import Job, Process, QueuePause
from workstate.core.jobs.pauses import pause_queue
from workstate.core.jobs.states import State

if TYPE_CHECKING:
    from pathlib import Path

HOUR = timedelta(hours=1)


@pytest.fixture
def ledger(database):
    """A ledger with something in every section."""
    now = timezone.now()
    common = {"headers": "{}", "properties": "{}", "body": "", "enqueued_at": now, "available_at": now - HOUR}
    Job.objects.create(task_id="1", task="a.b", queue="ai", **common)
    Job.objects.create(task_id="2", task="a.b", queue="ai", state=State.EXECUTING, process_id=1, **common)
    Job.objects.create(task_id="3", task="a.b", queue="ai", state=State.SCHEDULED, **common)
    error = {"error_type": "ValueError", "error_message": "no\n" + "x" * 99, "ended_at": now - 3 * HOUR}
    Job.objects.create(task_id="4", task="a.b", queue="ai", state=State.DISCARDED, **common | error)
    Process.objects.create(
        kind="worker",
        name="celery@here",
        machine="here",
        pid=7,
        queues="ai,default",
        concurrency=2,
        started_at=now - HOUR,
        lease_expires_at=now + HOUR,
    )


def test_empty_ledger_is_said_in_words(database, capsys) -> None:
    assert status.run([]) == 0
    text = capsys.readouterr().out
    assert "Mode\n  embedded\n" in text
    assert "Queues\n  all empty\n" in text
    assert "Dead letters\n  none\n" in text


def test_paused_queue_is_shown_with_who_why_and_since(database, capsys) -> None:
    pause_queue(queue="mail", by="ada", reason="the provider is down")
    QueuePause.objects.update(paused_at=timezone.now() - HOUR)

    assert status.run([]) == 0
    assert "  mail is paused by ada, 1 h 00 min ago: the provider is down\n" in capsys.readouterr().out
    assert status.run(["--json"]) == 0
    (pause,) = json.loads(capsys.readouterr().out)["paused"]
    assert (pause["queue"], pause["by"], pause["reason"]) == ("mail", "ada", "the provider is down")


def test_full_ledger_is_shown_in_tables(ledger, capsys) -> None:
    assert status.run([]) == 0
    text = capsys.readouterr().out
    assert "  queue  waiting  limited  running      oldest\n  ai           1        0        1  1 h 00 min\n" in text
    assert "  planned for later: 1\n" in text
    assert "  celery@here        7      2  1 h 00 min\n" in text
    assert "  1 in all, the newest:\n" in text
    assert "  a.b   ValueError: no xxxxx" in text
    assert max(map(len, text.splitlines())) <= 80


def test_programs_get_the_same_as_json(ledger, capsys) -> None:
    assert status.run(["--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["mode"] == "embedded"
    [queue] = document["queues"]
    assert (queue["name"], queue["waiting"], queue["limited"], queue["running"]) == ("ai", 1, 0, 1)
    assert queue["oldest_seconds"] == pytest.approx(3600, abs=60)
    assert document["planned"] == 1
    assert document["workers"][0]["queues"] == ["ai", "default"]
    assert document["dead_letters"]["count"] == 1
    assert document["dead_letters"]["newest"][0]["task_id"] == "4"


def test_number_of_queries_does_not_grow_with_the_ledger(ledger, django_assert_num_queries) -> None:
    with django_assert_num_queries(14):
        status.read_status()


def test_database_that_cannot_be_opened_is_one_clear_line(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    (installation.data / "workstate.sqlite3").mkdir(parents=True)
    done = installation.run("status")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "workstate: the database cannot be read: unable to open database file (`workstate doctor` says what to do)\n"
    )


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(), "0 s"),
        (timedelta(seconds=59.4), "59 s"),
        (timedelta(seconds=61), "1 min 01 s"),
        (timedelta(hours=3, minutes=5), "3 h 05 min"),
        (timedelta(days=2, hours=1), "2 d 01 h"),
    ],
)
def test_durations_show_their_two_largest_units(duration, words) -> None:
    assert status._duration(duration) == words
