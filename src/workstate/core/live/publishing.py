"""Writes events."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from django.db import connections, router, transaction
from django.utils import timezone

from workstate.core.live.hints import hint
from workstate.core.live.models import Event, Stream
from workstate.core.live.positions import Position

if TYPE_CHECKING:
    from collections.abc import Iterable

EPOCH_BYTES = 8

ADVANCE = """
    INSERT INTO workstate_stream (name, epoch, "offset") VALUES (%s, %s, 1)
    ON CONFLICT (name) DO UPDATE SET "offset" = workstate_stream."offset" + 1
    RETURNING epoch, "offset"
"""


def publish(stream: str, type: str, data: dict[str, Any]) -> Event:  # noqa: A002  the event's own word for it
    """Write an event into the caller's transaction, or into one of its own, and wake those who follow.

    `type` is in the past tense and dotted (`timer.started`); a page listens for the part before the
    dot. `data` is plain JSON and small: ids and counts, the page fetches the rest. The stream's row
    stays locked until the transaction ends. An error here leaves the transaction unable to commit,
    because a number would be missing from the stream.
    """
    alias = router.db_for_write(Event)
    with transaction.atomic(using=alias, savepoint=False):
        position = _advance(stream, alias)
        event = Event.objects.using(alias).create(
            stream=stream,
            epoch=position.epoch,
            offset=position.offset,
            type=type,
            data=data,
            created_at=timezone.now(),
        )
        hint(alias)
    return event


def send(user_id: Any, type: str, data: dict[str, Any]) -> Event:  # noqa: A002  as above
    """Publish to a person: on their own stream, which all of their pages follow."""
    return publish(stream_of(user_id), type, data)


def stream_of(user_id: Any) -> str:
    """Return the name of a person's own stream."""
    return f"user:{user_id}"


def list_followed(streams: Iterable[str]) -> set[str]:
    """Return those of the streams that exist: somebody asked for their position, or published there."""
    return set(Stream.objects.filter(name__in=list(streams)).values_list("name", flat=True))


def make_epoch() -> str:
    """Return the name of a new count of offsets, different from any before."""
    return secrets.token_hex(EPOCH_BYTES)


def _advance(stream: str, alias: str) -> Position:
    with connections[alias].cursor() as cursor:
        cursor.execute(ADVANCE, [stream, make_epoch()])
        epoch, offset = cursor.fetchone()
    return Position(epoch, offset)
