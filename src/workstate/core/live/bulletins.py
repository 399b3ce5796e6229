"""A reading made ready for sending: encoded once, however many clients get it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, Self

from workstate.core.live.positions import Position
from workstate.core.live.sessions import CONTROL_TYPES

if TYPE_CHECKING:
    from workstate.core.live.models import Event
    from workstate.core.live.reading import Reading


@dataclass(frozen=True, slots=True)
class Message:
    """A text for a client; with a position when it says how far the client has come in a stream."""

    text: str
    stream: str = ""
    position: Position | None = None


@dataclass(frozen=True, slots=True)
class Frame:
    """One event and what clients are sent of it; None when it is not for them."""

    event: Event
    message: Message | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bulletin:
    """What is new in one stream; without frames and not recovered when that cannot be told."""

    stream: str
    frames: list[Frame]
    position: Position
    recovered: bool

    @classmethod
    def of(cls, stream: str, reading: Reading) -> Self:
        """Encode a reading."""
        frames = [Frame(event, tell_event(event)) for event in reading.events]
        return cls(stream=stream, frames=frames, position=reading.position, recovered=reading.recovered)


class Follower(Protocol):
    """Who is told what happens in streams; both methods return at once and run in the hub's event loop."""

    def begin(self, bulletin: Bulletin) -> None:
        """Take what happened in a stream since the position that was asked for."""

    def receive(self, bulletin: Bulletin) -> None:
        """Take what happened since the last bulletin of the stream; may repeat events that were in it."""


def tell_event(event: Event) -> Message | None:
    """Return what clients are sent of an event."""
    if event.type in CONTROL_TYPES:
        return None
    position = Position(event.epoch, event.offset)
    told = {"stream": event.stream, "type": event.type, "data": event.data, "position": str(position)}
    return Message(_encode(told), event.stream, position)


def tell_place(stream: str, position: Position, *, recovered: bool) -> Message:
    """Return what says how far a client has come, and whether nothing is missing up to there."""
    return Message(_encode({"stream": stream, "recovered": recovered, "position": str(position)}), stream, position)


def tell_refusal(stream: str) -> Message:
    """Return what says that a client may not follow a stream, or no longer."""
    return Message(_encode({"stream": stream, "refused": True}), stream)


def _encode(told: dict[str, object]) -> str:
    return json.dumps(told, separators=(",", ":"))


SIGN_OF_LIFE = Message("{}")
