"""Reads events back: all that a follower has missed, or the news that it has missed too much."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from itertools import groupby, islice
from operator import attrgetter, or_
from typing import TYPE_CHECKING, TypeVar

from django.db.models import Q

from workstate.core.live.models import Event, Stream
from workstate.core.live.positions import Position
from workstate.core.live.publishing import make_epoch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

REPLAY_LIMIT = 200
STREAMS_IN_A_QUERY = 500
GAPS_IN_A_QUERY = 50

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The events after a position, oldest first, and the position after them.

    `recovered` is false when they cannot be told: the history was pruned, the stream began anew, or
    more than the limit were missed. Then there are no events, and `position` is where to go on.
    """

    events: list[Event]
    position: Position
    recovered: bool


def position(stream: str) -> str:
    """Return the place after the stream's newest event, as `epoch:offset`; makes the stream when it is new.

    Read it before what the page shows, so that nothing falls between the page and its socket.
    """
    return str(_find_heads([stream])[stream])


def read_since(stream: str, position: str | None, *, limit: int = REPLAY_LIMIT) -> Reading:
    """Return every event after the position, or a reading that is not recovered; with None, the stream's end."""
    place = None if position is None else Position.parse(position)
    return read_many({stream: place}, limit=limit)[stream]


def read_many(places: Mapping[str, Position | None], *, limit: int = REPLAY_LIMIT) -> dict[str, Reading]:
    """Do what `read_since` does for many streams in a few queries; streams that are new are made."""
    heads = _find_heads(places)
    behind = {stream: 0 if place is None else place.behind(heads[stream]) for stream, place in places.items()}
    gaps = {
        stream: (place, heads[stream])
        for stream, place in places.items()
        if place is not None and 0 < (behind[stream] or 0) <= limit
    }
    events = _read_events(gaps)
    return {stream: _make_reading(events.get(stream, []), heads[stream], behind[stream]) for stream in places}


def _make_reading(events: list[Event], head: Position, behind: int | None) -> Reading:
    recovered = len(events) == behind
    return Reading(events=events if recovered else [], position=head, recovered=recovered)


def _find_heads(streams: Iterable[str]) -> dict[str, Position]:
    names = set(streams)
    heads = _read_heads(names)
    if missing := names - heads.keys():
        Stream.objects.bulk_create([Stream(name=name, epoch=make_epoch()) for name in missing], ignore_conflicts=True)
        heads |= _read_heads(missing)
    return heads


def _read_heads(streams: Iterable[str]) -> dict[str, Position]:
    heads = {}
    for names in _chunk(streams, STREAMS_IN_A_QUERY):
        rows = Stream.objects.filter(name__in=names).values_list("name", "epoch", "offset")
        heads.update({name: Position(epoch, offset) for name, epoch, offset in rows})
    return heads


def _read_events(gaps: Mapping[str, tuple[Position, Position]]) -> dict[str, list[Event]]:
    events: dict[str, list[Event]] = {}
    for chunk in _chunk(gaps.items(), GAPS_IN_A_QUERY):
        wanted = reduce(or_, (_in_gap(stream, after, until) for stream, (after, until) in chunk))
        rows = Event.objects.filter(wanted).order_by("stream", "offset")
        events.update({stream: list(group) for stream, group in groupby(rows, attrgetter("stream"))})
    return events


def _in_gap(stream: str, after: Position, until: Position) -> Q:
    return Q(stream=stream, epoch=after.epoch, offset__gt=after.offset, offset__lte=until.offset)


def _chunk(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk
