from __future__ import annotations

import pytest

from workstate.core.live.positions import Position


def test_position_reads_what_it_writes():
    assert Position.parse(str(Position("a1b2", 42))) == Position("a1b2", 42)


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "a",
        "a:",
        "a:-1",
        "a:1.5",
        "a:x",
        "a: 1",
        "a:²",
        "a:\N{ARABIC-INDIC DIGIT ONE}",
        "9" * 5000,
        "a:" + "9" * 5000,
    ],
)
def test_nonsense_is_a_position_of_no_stream(text):
    assert Position.parse(text) == Position("", 0)


def test_offset_ahead_of_the_stream_cannot_be_compared():
    assert Position.parse("a:" + "9" * 18).behind(Position("a", 7)) is None


def test_events_are_counted_within_an_epoch_only():
    assert Position("a", 3).behind(Position("a", 5)) == 2
    assert Position("a", 5).behind(Position("a", 5)) == 0
    assert Position("a", 5).behind(Position("a", 3)) is None
    assert Position("a", 3).behind(Position("b", 5)) is None
