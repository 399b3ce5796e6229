"""The one subscriber that writes events into the log.

Each record has `event` (its name) and `data` (its fields) besides the text, for those who log as JSON.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workstate.core.telemetry.event import Event

logger = logging.getLogger("workstate.events")


def write(event: Event) -> None:
    """Write one line for an event, at the level that the catalogue gives it."""
    if event.level is not None and logger.isEnabledFor(event.level):
        data = event.as_dict()
        logger.log(
            event.level,
            event.text,
            *([data] if data else []),  # to logging an empty dict is an argument too many
            exc_info=event.has_traceback,
            extra={"event": event.name, "data": data},
        )
