"""What workers do for time tracking.

Both tasks may be run again at any moment: an import goes on after the last chunk that
was stored, an export is written anew. A busy database is waited for; what nobody
expected ends the import or export as failed, so that its page says so, and the job as a
dead letter that can be replayed.
"""

from __future__ import annotations

from typing import Any

from celery import Task, shared_task
from django.db import OperationalError

from workstate.apps.time_tracking.services import export_runs, import_runs
from workstate.core.jobs.progress import report_progress

RETRIES = 8
LONGEST_WAIT_SECONDS = 120


class ImportTask(Task):  # type: ignore[type-arg]  # not generic when it runs
    """A task whose first argument is the id of an import."""

    def on_failure(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """Let the import's page say that it stopped."""
        import_runs.give_up(args[0])


class ExportTask(Task):  # type: ignore[type-arg]  # not generic when it runs
    """A task whose first argument is the id of an export."""

    def on_failure(self, exc: Exception, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        """Let the export's page say that it stopped."""
        export_runs.give_up(args[0])


@shared_task(
    bind=True,
    base=ImportTask,
    name="time_tracking.tasks.carry_out_import",
    acks_late=True,
    autoretry_for=(OperationalError,),
    max_retries=RETRIES,
    retry_backoff=True,
    retry_backoff_max=LONGEST_WAIT_SECONDS,
)
def carry_out_import(self: Task[..., Any], import_id: str) -> dict[str, Any]:
    """Import what is left of an uploaded file."""
    run = import_runs.carry_out(import_id, report_progress=report_progress)
    return {"state": run.state, "taken": run.taken, "repeated": run.repeated, "skipped": run.skipped}


@shared_task(
    bind=True,
    base=ExportTask,
    name="time_tracking.tasks.carry_out_export",
    acks_late=True,
    autoretry_for=(OperationalError,),
    max_retries=RETRIES,
    retry_backoff=True,
    retry_backoff_max=LONGEST_WAIT_SECONDS,
)
def carry_out_export(self: Task[..., Any], export_id: str) -> dict[str, Any]:
    """Write the file of an export."""
    export = export_runs.carry_out(export_id, report_progress=report_progress)
    return {"state": export.state, "rows": export.done_rows}
