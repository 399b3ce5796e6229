"""What time tracking tells the pages of a person, in the transaction that made it so.

Events carry ids and counts; a page that hears one fetches what it shows again.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from workstate.core import live

if TYPE_CHECKING:
    from workstate.apps.time_tracking.models import TimeEntry, Transfer


class EventType(StrEnum):
    """Past tense; the part before the dot is what a page listens for."""

    TIMER_STARTED = "timer.started"
    TIMER_STOPPED = "timer.stopped"
    TIMER_DISCARDED = "timer.discarded"
    ENTRY_CHANGED = "entry.changed"
    IMPORT_REQUESTED = "import.requested"
    IMPORT_PROGRESSED = "import.progressed"
    IMPORT_COMPLETED = "import.completed"
    IMPORT_FAILED = "import.failed"
    EXPORT_REQUESTED = "export.requested"
    EXPORT_PROGRESSED = "export.progressed"
    EXPORT_COMPLETED = "export.completed"
    EXPORT_FAILED = "export.failed"


def publish_entry(event_type: EventType, entry: TimeEntry) -> None:
    """Tell the pages of the entry's person what happened to it."""
    data = {
        "entry": str(entry.public_id),
        "organisation": entry.organisation_id,
        "started_at": entry.started_at.isoformat(),
        "ended_at": entry.ended_at.isoformat() if entry.ended_at else None,
    }
    live.send(entry.person_id, event_type, data)


def publish_entries_changed(person_id: int, organisation_id: int) -> None:
    """Tell the pages of a person that many entries changed at once."""
    live.send(person_id, EventType.ENTRY_CHANGED, {"entry": None, "organisation": organisation_id})


def publish_transfer(event_type: EventType, transfer: Transfer, **counts: Any) -> None:
    """Tell the pages of a person how far their import or export has come."""
    data = {"id": str(transfer.public_id), "state": transfer.state, "total": transfer.total_rows, **counts}
    live.send(transfer.person_id, event_type, data)
