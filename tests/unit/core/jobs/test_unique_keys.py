"""Declarations that go together, and keys that fit their column."""

from __future__ import annotations

from datetime import timedelta

import pytest

from workstate.core.jobs.unique import KEY_LENGTH, Conflict, Unique, fitting

HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    "options",
    [
        {"by": "weekday"},
        {"conflict": Conflict.DEBOUNCE},
        {"delay": HOUR},
        {"conflict": Conflict.REPLACE, "period": HOUR},
        {"conflict": Conflict.DEBOUNCE, "delay": HOUR, "period": HOUR},
    ],
)
def test_what_does_not_go_together_is_refused_at_declaration(options):
    with pytest.raises(ValueError, match=r"\w"):
        Unique(**options)


def test_arguments_that_are_not_json_need_a_key():
    with pytest.raises(TypeError):
        Unique().key_of(None, "task", (object(),), {})
    assert Unique(key=lambda _: "one").key_of(None, "task", (object(),), {}) == "task:one"


@pytest.mark.parametrize("key", ["x" * 300, "a\x00b", "\ud800", "a" * KEY_LENGTH + "é"])
def test_key_that_a_column_can_not_hold_ends_in_a_digest(key):
    assert len(fitting(key)) <= KEY_LENGTH
    assert fitting(key).isprintable()
    assert fitting(key) != fitting(key + "!")


def test_keys_of_unknown_tasks_tell_their_arguments_apart():
    keys = {Unique().key_of(None, "task", args, kwargs) for args, kwargs in [((1,), {}), ((2,), {}), ((), {"a": 1})]}
    assert len(keys) == 3
