"""Have a worker write a person's entries to a file."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.db import transaction

from workstate.apps.time_tracking import tasks
from workstate.apps.time_tracking.events import EventType, publish_transfer
from workstate.apps.time_tracking.models import Export

if TYPE_CHECKING:
    from datetime import date

    from workstate.apps.accounts.models import Organisation, User
    from workstate.apps.time_tracking.models import Project


@transaction.atomic(durable=True)
def request_export(
    *, person: User, organisation: Organisation, first_day: date, last_day: date, project: Project | None = None
) -> Export:
    """Record an export and enqueue it in the same transaction."""
    export = Export(person=person, organisation=organisation, first_day=first_day, last_day=last_day, project=project)
    _enqueue(export)
    return export


@transaction.atomic(durable=True)
def resume_export(export: Export) -> bool:
    """Enqueue an export again that failed or whose job was given up; it is written from the start."""
    changed = (
        Export.objects.filter(pk=export.pk, task_id=export.task_id)
        .exclude(state=Export.State.COMPLETED)
        .update(state=Export.State.WAITING, error="", ended_at=None)
    )
    if changed:
        export.refresh_from_db()
        _enqueue(export)
    return bool(changed)


def _enqueue(export: Export) -> None:
    export.task_id = str(uuid.uuid4())
    export.save()
    publish_transfer(EventType.EXPORT_REQUESTED, export)
    tasks.carry_out_export.apply_async((str(export.public_id),), task_id=export.task_id)
