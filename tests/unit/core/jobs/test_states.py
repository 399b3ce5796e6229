from __future__ import annotations

import itertools
from datetime import UTC, datetime

import pytest

from workstate.core.jobs.errors import IllegalMoveError, UnsupportedDatabaseError, WorkstateError
from workstate.core.jobs.records import Closing
from workstate.core.jobs.states import ENDED, MOVES, WAITING, State, check_move

LEGAL = {
    ("scheduled", "available"),
    ("scheduled", "cancelled"),
    ("scheduled", "discarded"),
    ("available", "executing"),
    ("available", "scheduled"),
    ("available", "cancelled"),
    ("available", "discarded"),
    ("executing", "completed"),
    ("executing", "retryable"),
    ("executing", "discarded"),
    ("executing", "cancelled"),
    ("executing", "available"),
    ("retryable", "available"),
    ("retryable", "cancelled"),
    ("retryable", "discarded"),
    ("discarded", "available"),
    ("cancelled", "available"),
    ("discarded", "scheduled"),
    ("cancelled", "scheduled"),
}
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(("before", "after"), list(itertools.product(State, State)))
def test_every_move_is_legal_or_raises(before, after):
    if (before, after) in LEGAL:
        check_move(before, after)
    else:
        with pytest.raises(IllegalMoveError) as caught:
            check_move(before, after)
        assert str(caught.value) == f"A job that is {before} can't become {after}."
        assert (caught.value.before, caught.value.after) == (before, after)


def test_each_state_waits_runs_or_has_ended():
    assert set(MOVES) == set(State)
    assert WAITING | ENDED | {State.EXECUTING} == set(State)
    assert not WAITING & ENDED


@pytest.mark.parametrize("state", State)
def test_attempt_ends_only_where_an_executing_job_may_go(state):
    fields = {"job_id": 1, "process_id": 1, "attempt": 1, "ended_at": MOMENT}
    if ("executing", state) in LEGAL:
        assert Closing(state=state, **fields).state is state
    else:
        with pytest.raises(IllegalMoveError):
            Closing(state=state, **fields)


def test_database_that_can_not_keep_jobs_is_named_with_what_to_do():
    error = UnsupportedDatabaseError("mysql")

    assert isinstance(error, WorkstateError)
    assert "SQLite or PostgreSQL" in str(error)
    assert str(error).endswith("This connection is to mysql.")
