"""Power fails at any moment: with synchronous=FULL nothing that was committed is lost, with NORMAL the file stays whole."""

from __future__ import annotations

import os
import random
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from powerloss.disk import files_after_power_loss, lay_out, told_before
from powerloss.recording import StraceMissingError, record
from workbench.marks import sqlite_only

pytestmark = [sqlite_only, pytest.mark.timeout(300)]

COMMITS = 40
RANDOM_MOMENTS = 150


class Found(NamedTuple):
    """What is in the file after the power came back."""

    notes: set[str]
    jobs: dict[str, str]


class Recorded(NamedTuple):
    """A process's work, to be cut off at any moment."""

    before: dict[str, bytes]
    operations: list


@pytest.fixture
def recorded(request, lane, tmp_path):
    """Record a process that works with the given `synchronous`."""
    with lane.fresh_address() as address:
        file = Path(address.database_url.removeprefix("sqlite:///"))
        before = {str(path): path.read_bytes() for path in file.parent.iterdir() if not path.name.endswith("-shm")}
        told = file.parent / "told"
        environment = address.environment() | {"SQLITE_SYNCHRONOUS": request.param, "READY_FILE": os.devnull}
        try:
            operations = record(
                [sys.executable, "-m", "powerloss.work", str(told), str(COMMITS)],
                environment=environment,
                directory=file.parent,
                told=told,
                log=tmp_path / "strace.log",
            )
        except StraceMissingError as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(str(error))
    assert any(operation.kind == "write" and operation.path.endswith("sqlite3") for operation in operations)
    return Recorded(before, operations)


def moments(recorded, dice):
    """Around each sync, after each thing told, and anywhere."""
    turning = [n for n, operation in enumerate(recorded.operations) if operation.kind in {"sync", "told"}]
    around = {moment for n in turning for moment in (n, n + 1)}
    return sorted(around | {dice.randrange(len(recorded.operations) + 1) for _ in range(RANDOM_MOMENTS)})


def look_after_power_loss(recorded, moment, dice, directory):
    directory.mkdir()
    lay_out(files_after_power_loss(recorded.before, recorded.operations, moment, dice), directory)
    with closing(sqlite3.connect(directory / "database.sqlite3")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return Found(
            notes={text for (text,) in connection.execute("SELECT text FROM project_note")},
            jobs=dict(connection.execute("SELECT task_id, state FROM workstate_job")),
        )


def lost(recorded, moment, found):
    """What the process was told to be committed, and is not there."""
    told = [line.split() for line in told_before(recorded.operations, moment)]
    committed = {task_id for verb, task_id in told if verb == "committed"}
    completed = {task_id for verb, task_id in told if verb == "completed"}
    return (committed - found.jobs.keys()) | {
        task_id for task_id in completed if found.jobs.get(task_id) != "completed"
    }


@pytest.mark.parametrize("recorded", ["FULL"], indirect=True)
def test_nothing_committed_is_lost_with_full(recorded, tmp_path, request):
    seed = random.randrange(10**6)
    request.node.add_report_section("call", "seed", str(seed))
    for moment in moments(recorded, random.Random(seed)):
        found = look_after_power_loss(recorded, moment, random.Random(f"{seed}/{moment}"), tmp_path / str(moment))

        assert lost(recorded, moment, found) == set(), f"power failed after {moment} operations"
        assert found.notes == found.jobs.keys()


@pytest.mark.parametrize("recorded", ["NORMAL"], indirect=True)
def test_jobs_and_business_data_are_lost_together_with_normal(recorded, tmp_path, request):
    seed = random.randrange(10**6)
    request.node.add_report_section("call", "seed", str(seed))
    losses = set()
    for moment in moments(recorded, random.Random(seed)):
        found = look_after_power_loss(recorded, moment, random.Random(f"{seed}/{moment}"), tmp_path / str(moment))
        losses |= lost(recorded, moment, found)

        assert found.notes == found.jobs.keys(), f"power failed after {moment} operations"
    assert losses, "the replay can lose nothing, so it proves nothing"
