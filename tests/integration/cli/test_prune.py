"""`workstate prune` removes and counts what the workers would."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from engine.jobs import new_job
from workstate.cli import prune
from workstate.core.jobs.models import Job


@pytest.fixture
def old_job(ledger):
    ledger.insert([new_job("old"), new_job("young")])
    Job.objects.filter(task_id="old").update(state="completed", ended_at=timezone.now() - timedelta(days=30))


def test_dry_run_counts_and_removes_nothing(old_job, capsys):
    assert prune.run(["--dry-run"]) == 0
    assert capsys.readouterr().out == "Would remove 1 completed jobs.\n"
    assert prune.run(["--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"]["completed jobs"] == 1
    assert Job.objects.count() == 2


def test_it_removes_what_is_over_and_says_how_long_it_took(old_job, capsys):
    assert prune.run([]) == 0
    assert capsys.readouterr().out.startswith("Removed 1 completed jobs. The longest of ")
    assert [job.task_id for job in Job.objects.all()] == ["young"]

    assert prune.run(["--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"]["completed jobs"] == 0
    assert prune.run([]) == 0
    assert capsys.readouterr().out == "Removed nothing.\n"


def test_database_that_can_not_be_used_is_told(ledger, capsys):
    with ledger.connection.cursor() as cursor:
        cursor.execute("ALTER TABLE workstate_turn RENAME TO away")

    assert prune.run([]) == 2
    assert "the database cannot be used" in capsys.readouterr().err
