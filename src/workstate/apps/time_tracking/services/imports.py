"""Take uploaded files in and have a worker import them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from django.db import transaction

from workstate.apps.time_tracking import files, tasks
from workstate.apps.time_tracking.events import EventType, publish_transfer
from workstate.apps.time_tracking.models import Import

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile

    from workstate.apps.accounts.models import Organisation, User

FILE_NAME_LIMIT = 255


def request_import(
    *,
    person: User,
    organisation: Organisation,
    upload: UploadedFile[bytes],
    date_order: str = Import.DateOrder.AUTOMATIC,
    all_rows_are_mine: bool = False,
) -> Import:
    """Keep the uploaded bytes, and enqueue their import in the transaction that records it."""
    stored = files.store_upload(upload.chunks())
    run = Import(
        person=person,
        organisation=organisation,
        file_name=(upload.name or "upload.csv")[-FILE_NAME_LIMIT:],
        file_size=stored.size,
        sha256=stored.sha256,
        date_order=date_order,
        all_rows_are_mine=all_rows_are_mine,
    )
    with transaction.atomic(durable=True):
        _enqueue(run)
    return run


@transaction.atomic(durable=True)
def resume_import(run: Import) -> bool:
    """Enqueue an import again that failed or whose job was given up; it goes on after the rows it has done."""
    changed = (
        Import.objects.filter(pk=run.pk, task_id=run.task_id)
        .exclude(state=Import.State.COMPLETED)
        .update(state=Import.State.WAITING, error="", ended_at=None)
    )
    if changed:
        run.refresh_from_db()
        _enqueue(run)
    return bool(changed)


def _enqueue(run: Import) -> None:
    run.task_id = str(uuid.uuid4())
    run.save()
    publish_transfer(EventType.IMPORT_REQUESTED, run)
    tasks.carry_out_import.apply_async((str(run.public_id),), task_id=run.task_id)
