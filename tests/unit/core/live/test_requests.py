from __future__ import annotations

import json

import pytest

from workstate.core.live.positions import Position
from workstate.core.live.requests import MESSAGE_LIMIT_CHARACTERS, BadRequestError, parse_query, parse_subscription
from workstate.core.live.socket_codes import CloseCode


def test_subscription_names_streams_and_places():
    assert parse_subscription('{"subscribe": {"user:1": "e:5", "job:x": null}}') == {
        "user:1": Position("e", 5),
        "job:x": None,
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[]",
        "5",
        "{}",
        '{"subscribe": []}',
        '{"subscribe": {"user:1": 5}}',
        '{"subscribe": {"": null}}',
        json.dumps({"subscribe": {"x" * 128: None}}),
        json.dumps({"subscribe": {"user:\0": None}}),
        '{"subscribe": {"user:\\ud800": null}}',
        "[" * 30_000,
    ],
)
def test_nonsense_is_a_bad_message(text):
    with pytest.raises(BadRequestError) as refusal:
        parse_subscription(text)
    assert refusal.value.code == CloseCode.BAD_MESSAGE


def test_long_message_is_refused_unread():
    with pytest.raises(BadRequestError) as refusal:
        parse_subscription(" " * MESSAGE_LIMIT_CHARACTERS + "{}")
    assert refusal.value.code == CloseCode.TOO_LONG


def test_binary_message_is_refused():
    with pytest.raises(BadRequestError) as refusal:
        parse_subscription(None)
    assert refusal.value.code == CloseCode.BINARY_MESSAGE


def test_query_names_streams_and_places():
    assert parse_query("user:1=e:5&job%3Aa%26b=&job:c") == {"user:1": Position("e", 5), "job:a&b": None, "job:c": None}


def test_query_of_an_event_stream_names_few_streams():
    with pytest.raises(BadRequestError) as refusal:
        parse_query("&".join(f"job:{number}=" for number in range(21)))
    assert refusal.value.code == CloseCode.TOO_MANY_STREAMS
