"""Whoever learns that the broker went away, or is back, tells those who consume from it."""

from __future__ import annotations

from time import monotonic

import pytest

from workstate.core.health.breaker import Breaker
from workstate.core.wakeup.outage import Outage


@pytest.fixture
def breaker():
    return Breaker("redis://nowhere", Outage("The server"))


@pytest.fixture
def told(breaker):
    """What was known at each call."""
    states = []
    breaker.on_news = lambda: states.append(breaker.is_open)
    return states


def test_failure_and_answer_are_told_once_they_are_known(breaker, told):
    breaker.trip(OSError("away"))
    breaker.reset(monotonic())
    assert told == [True, False]


def test_what_is_known_is_told_again_at_each_probe(breaker, told):
    """Who could not hear it the first time, between two connections, hears it the next time."""
    breaker.trip(OSError("away"))
    since = breaker.away_since
    breaker.trip(OSError("still away"))
    assert told == [True, True]
    assert breaker.away_since == since


def test_answer_to_what_was_asked_before_the_failure_says_nothing(breaker):
    asked_at = monotonic()
    breaker.trip(OSError("away"))
    breaker.reset(asked_at)
    assert breaker.is_open
    breaker.reset(monotonic())
    assert not breaker.is_open
