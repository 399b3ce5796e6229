"""The core's settings: read once, and refused with the word that was meant."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured

from workstate.core.configuration import Configuration, configuration


def test_what_is_not_said_has_its_default():
    read = Configuration.read({"KEEP_COMPLETED": timedelta(hours=1), "KEEP_DISCARDED": None})

    assert (read.keep_completed, read.keep_discarded) == (timedelta(hours=1), None)
    assert (read.max_lost_attempts, read.keep_cancelled) == (3, timedelta(days=7))


def test_it_can_not_be_changed():
    with pytest.raises(FrozenInstanceError):
        Configuration().max_lost_attempts = 5


@pytest.mark.parametrize("key", ["KEEP_COMPLETE", "keep_completed"])
def test_misspelt_name_is_answered_with_the_one_that_was_meant(key):
    with pytest.raises(ImproperlyConfigured, match="did you mean 'KEEP_COMPLETED'"):
        Configuration.read({key: timedelta(days=1)})


def test_name_like_no_other_is_answered_with_all_names():
    with pytest.raises(ImproperlyConfigured, match="known are MAX_LOST_ATTEMPTS, KEEP_COMPLETED"):
        Configuration.read({"COLOUR": "red"})


@pytest.mark.parametrize("value", [7, "7 days", timedelta(0), timedelta(days=-1), True])
def test_period_must_be_a_positive_timedelta(value):
    with pytest.raises(ImproperlyConfigured, match="positive timedelta"):
        Configuration.read({"KEEP_COMPLETED": value})


@pytest.mark.parametrize("value", [0, -1, True, "3", None, 2.5])
def test_count_must_be_a_positive_whole_number(value):
    with pytest.raises(ImproperlyConfigured, match="whole number of at least 1"):
        Configuration.read({"MAX_LOST_ATTEMPTS": value})


@pytest.mark.parametrize("value", [7, b"secret", True])
def test_token_must_be_a_string(value):
    assert Configuration.read({"METRICS_TOKEN": "secret"}).metrics_token == "secret"
    with pytest.raises(ImproperlyConfigured, match="must be a string"):
        Configuration.read({"METRICS_TOKEN": value})


def test_it_must_be_a_mapping():
    with pytest.raises(ImproperlyConfigured, match="must be a dict"):
        Configuration.read([("KEEP_COMPLETED", timedelta(days=1))])


def test_it_is_read_anew_when_a_test_changes_the_setting(settings):
    settings.WORKSTATE = {"MAX_LOST_ATTEMPTS": 5}
    assert configuration().max_lost_attempts == 5

    settings.WORKSTATE = {}
    assert configuration().max_lost_attempts == 3
