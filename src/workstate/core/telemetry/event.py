"""What an event is: a frozen record with a dotted name in the past tense."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, dataclass_transform

if TYPE_CHECKING:
    from collections.abc import Callable


class Event:
    """Something that happened; `text` is what the log says of it, filled in from its fields."""

    __slots__ = ()

    name: ClassVar[str]
    level: ClassVar[int | None]
    """Of the line in the log; None: it is told to subscribers and not logged, because Celery logs it."""
    text: ClassVar[str]
    has_traceback: ClassVar[bool]
    """Whether it is emitted where an exception is handled, whose traceback belongs into the log."""

    def as_dict(self) -> dict[str, Any]:
        """Return the fields by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}  # type: ignore[arg-type]  # each is one


AnyEvent = TypeVar("AnyEvent", bound=Event)

events_by_name: dict[str, type[Event]] = {}
"""Every event that exists, as its module defined it."""


@dataclass_transform(frozen_default=True, kw_only_default=True)
def event(
    name: str, level: int | None, text: str, *, has_traceback: bool = False
) -> Callable[[type[AnyEvent]], type[AnyEvent]]:
    """Make the decorated class an event and enter it into the catalogue."""

    def register(cls: type[AnyEvent]) -> type[AnyEvent]:
        made = dataclass(frozen=True, slots=True, kw_only=True)(cls)
        made.name, made.level, made.text, made.has_traceback = name, level, text, has_traceback
        events_by_name[name] = made
        return made

    return register
