from __future__ import annotations

import re
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workstate.apps.time_tracking.durations import (
    decimal_hours,
    format_exact,
    format_machine,
    format_short,
    format_spoken,
)
from workstate.apps.time_tracking.import_formats.dates import parse_length

lengths = st.timedeltas(min_value=timedelta(), max_value=timedelta(days=4000))


@given(lengths)
def test_exact_form_is_read_back_to_the_second(length):
    assert parse_length(format_exact(length)) == timedelta(seconds=length // timedelta(seconds=1))


@given(lengths)
def test_short_form_never_shows_more_than_has_passed(length):
    assert timedelta() <= length - parse_length(format_short(length)) < timedelta(minutes=1)


@given(lengths)
def test_machine_form_means_the_same_seconds(length):
    hours, minutes, seconds = map(int, re.fullmatch(r"PT(\d+)H(\d+)M(\d+)S", format_machine(length)).groups())
    assert timedelta(hours=hours, minutes=minutes, seconds=seconds) == timedelta(seconds=length // timedelta(seconds=1))


@given(lengths)
def test_decimal_hours_are_exact_to_a_second(length):
    assert abs(float(decimal_hours(length)) * 3600 - length.total_seconds()) < 1.5


@pytest.mark.parametrize(
    ("length", "spoken"),
    [
        (timedelta(), "0 seconds"),
        (timedelta(hours=1, minutes=5, seconds=9), "1 hour 5 minutes 9 seconds"),
        (timedelta(minutes=1), "1 minute"),
        (timedelta(seconds=-5), "0 seconds"),
    ],
)
def test_spoken_form_names_what_there_is(length, spoken):
    assert format_spoken(length) == spoken
