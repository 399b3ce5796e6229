"""From those who emit to those who subscribe, in the thread and at the moment of the emitting."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from workstate.core.telemetry.event import Event

    Subscriber = Callable[[Any], None]

logger = logging.getLogger(__name__)

_subscribers: dict[type[Event], tuple[Subscriber, ...]] = {}


def subscribe(subscriber: Subscriber, *kinds: type[Event]) -> None:
    """Call `subscriber` with each event of these kinds from now on; a second time changes nothing.

    It is called in the middle of whatever emits, so it has to be quick and must not touch the database.
    """
    for kind in kinds:
        others = _subscribers.get(kind, ())
        if subscriber not in others:
            _subscribers[kind] = (*others, subscriber)


def unsubscribe(subscriber: Subscriber) -> None:
    """Call `subscriber` no more."""
    for kind, subscribers in list(_subscribers.items()):
        _subscribers[kind] = tuple(other for other in subscribers if other != subscriber)


def is_wanted(kind: type[Event]) -> bool:
    """Tell whether anybody listens, for those who would emit many."""
    return bool(_subscribers.get(kind))


def emit(event: Event) -> None:
    """Tell all subscribers of an event; after the commit of what it tells, never before."""
    for subscriber in _subscribers.get(type(event), ()):
        try:
            subscriber(event)
        except Exception:
            # Whoever listens must not stop what is told of.
            logger.exception("A subscriber failed on %s.", event.name)
