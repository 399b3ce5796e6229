"""What a client may ask for."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

from workstate.core.live.positions import Position
from workstate.core.live.socket_codes import CloseCode, RefusedError

MESSAGE_LIMIT_CHARACTERS = 32_768
STREAM_LIMIT = 100
EVENT_STREAM_LIMIT = 20
"""Fewer, because each message of an event stream names the places in all of them."""
STREAM_NAME_LIMIT = 127


Places = dict[str, Position | None]
"""Streams, and from where each is asked for; None means from now on."""


class BadRequestError(RefusedError):
    """A client sent what no page of ours sends."""


def parse_subscription(text: str | None) -> Places:
    """Read `{"subscribe": {"<stream>": "<epoch:offset>" or null}}`."""
    if text is None:
        raise BadRequestError(CloseCode.BINARY_MESSAGE)
    if len(text) > MESSAGE_LIMIT_CHARACTERS:
        raise BadRequestError(CloseCode.TOO_LONG)
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise BadRequestError(CloseCode.BAD_MESSAGE) from None
    places = message.get("subscribe") if isinstance(message, dict) else None
    if not isinstance(places, dict) or not all(_is_stream(name) for name in places):
        raise BadRequestError(CloseCode.BAD_MESSAGE)
    return {name: parse_place(place) for name, place in places.items()}


def parse_query(query: str) -> Places:
    """Read `<stream>=<epoch:offset>&<stream>=`, percent-encoded."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=EVENT_STREAM_LIMIT)
    except ValueError:
        raise BadRequestError(CloseCode.TOO_MANY_STREAMS) from None
    if not all(_is_stream(name) for name, _ in pairs):
        raise BadRequestError(CloseCode.BAD_MESSAGE)
    return {name: parse_place(place or None) for name, place in pairs}


def parse_place(place: Any) -> Position | None:
    """Read a position that a client gave; None means from now on."""
    if place is not None and not isinstance(place, str):
        raise BadRequestError(CloseCode.BAD_MESSAGE)
    return None if place is None else Position.parse(place)


def _is_stream(name: str) -> bool:
    return 0 < len(name) <= STREAM_NAME_LIMIT and name.isprintable()
