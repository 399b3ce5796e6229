"""The delays of a retry policy: never outside their bounds, however often a job is tried."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workstate.core.jobs.retries import Jitter, RetryPolicy, RetryPolicyError
from workstate.core.jobs.steering import FinalError

spans = st.timedeltas(timedelta(microseconds=1), timedelta(days=365))
retries = st.integers(0, 10**9)
chances = st.floats(0, 1)
jitters = st.sampled_from(Jitter)


@st.composite
def policies(draw, jitter=jitters):
    first, longest = sorted([draw(spans), draw(spans)])
    return RetryPolicy(first=first, longest=longest, factor=draw(st.floats(1, 1e6)), jitter=draw(jitter))


@given(policies(), retries, chances)
def test_delay_is_never_negative_and_never_above_the_cap(policy, number, chance):
    assert timedelta() <= policy.delay(number, chance=lambda: chance) <= policy.ceiling(number) <= policy.longest


@given(policies(), retries)
def test_ceiling_never_falls_from_one_retry_to_the_next(policy, number):
    assert policy.first <= policy.ceiling(number) <= policy.ceiling(number + 1)


@given(policies(jitter=st.just(Jitter.NONE)), retries, chances)
def test_nothing_is_left_to_chance_without_jitter(policy, number, chance):
    assert policy.delay(number, chance=lambda: chance) == policy.ceiling(number)


@given(policies(jitter=st.just(Jitter.EQUAL)), retries, chances)
def test_equal_jitter_keeps_at_least_half(policy, number, chance):
    half = policy.ceiling(number) / 2
    assert policy.delay(number, chance=lambda: chance) >= half


@given(policies(jitter=st.just(Jitter.FULL)), retries)
def test_full_jitter_reaches_from_nothing_to_the_whole(policy, number):
    assert policy.delay(number, chance=lambda: 0) == timedelta()
    assert policy.delay(number, chance=lambda: 1) == policy.ceiling(number)


def test_delays_double_up_to_the_cap():
    policy = RetryPolicy(first=timedelta(seconds=1), longest=timedelta(seconds=10), jitter=Jitter.NONE)

    assert [policy.delay(number).total_seconds() for number in range(6)] == [1, 2, 4, 8, 10, 10]


def test_error_is_retried_when_it_is_named_and_not_ruled_out():
    policy = RetryPolicy(on=(OSError,), never_on=(FileNotFoundError,))

    assert policy.retries(ConnectionError())
    assert not policy.retries(FileNotFoundError())
    assert not policy.retries(ValueError())


def test_final_error_is_never_retried():
    assert not RetryPolicy().retries(FinalError("no such customer"))


@pytest.mark.parametrize(
    "options",
    [
        {"on": ConnectionError},
        {"never_on": (BaseException,)},
        {"max_retries": -1},
        {"first": timedelta()},
        {"first": timedelta(hours=1), "longest": timedelta(minutes=1)},
        {"factor": 0.5},
        {"factor": float("inf")},
        {"factor": float("nan")},
    ],
)
def test_policy_that_can_not_be_meant_is_refused_where_it_is_declared(options):
    with pytest.raises(RetryPolicyError) as caught:
        RetryPolicy(**options)
    assert next(iter(options)) in str(caught.value)
