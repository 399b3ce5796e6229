"""Carry out an import on a worker: in chunks that commit together with the place they reach.

1. The file is looked through: encoding, layout, order of dates, number of rows.
2. Rows are read from the start; those before the stored cursor are only counted as seen.
3. Each chunk stores its entries, its skipped rows, its counts and the new cursor in one
   transaction. A worker killed anywhere leaves whole chunks; the next goes on after them.
4. A chunk that finds the cursor moved was overtaken by another worker and changes nothing.

The transactions are not durable ones: with CELERY_TASK_ALWAYS_EAGER the task runs inside
the transaction that enqueues it.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from workstate.apps.time_tracking import files
from workstate.apps.time_tracking.days import zone_of
from workstate.apps.time_tracking.errors import OvertakenError, UnreadableFileError, UnreadableRowError
from workstate.apps.time_tracking.events import EventType, publish_entries_changed, publish_transfer
from workstate.apps.time_tracking.import_formats.dates import SlashOrder
from workstate.apps.time_tracking.import_formats.occurrences import count_occurrences
from workstate.apps.time_tracking.import_formats.table import find_format, open_lines, survey
from workstate.apps.time_tracking.local_times import resolve_span
from workstate.apps.time_tracking.models import (
    DESCRIPTION_LIMIT,
    PROJECT_NAME_LIMIT,
    Import,
    SkippedRow,
    TimeEntry,
    project_name_key,
)
from workstate.apps.time_tracking.pacing import Pacer
from workstate.apps.time_tracking.services.owners import RowOwners
from workstate.apps.time_tracking.services.projects import ensure_projects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from workstate.apps.time_tracking.import_formats.occurrences import OccurrenceCounter
    from workstate.apps.time_tracking.import_formats.table import Line, TableFormat

    ReportProgress = Callable[[int, int | None, str], None]

CHUNK_ROWS = 500
REASON_LIMIT = 300
STOPPED = (
    "The import stopped at an error that nobody expected. What it had taken is kept; "
    "“Go on” continues after it and adds nothing twice."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A row that can become an entry of `person_id`."""

    person_id: int
    project_name: str
    description: str
    started_at: datetime
    ended_at: datetime
    details: dict[str, str]
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What is to be done with one line: a candidate, or the reason why there is none."""

    line: int
    candidate: Candidate | None
    reason: str = ""


@dataclass(slots=True)
class RowReader:
    """Turns lines into outcomes: whose entry it is, when it was, and which of equal rows."""

    table: TableFormat
    order: SlashOrder
    zone: ZoneInfo
    owners: RowOwners
    occurrences: OccurrenceCounter

    def read(self, line: Line) -> Outcome:
        """Return what is to be done with that line."""
        try:
            return Outcome(line=line.number, candidate=self._candidate(line))
        except UnreadableRowError as error:
            return Outcome(line=line.number, candidate=None, reason=str(error)[:REASON_LIMIT])

    def _candidate(self, line: Line) -> Candidate:
        if line.error:
            raise line.error
        row = self.table.layout.read(line.cells, self.order)
        digest = row.digest(self.table.layout.name)
        occurrence = self.occurrences.number(digest)
        started_at, ended_at = resolve_span(row.start, row.end, self.zone, row.length)
        _refuse_wrong_row(row.description, row.project_name, started_at, ended_at)
        return Candidate(
            person_id=self.owners.find(row.email),
            project_name=row.project_name,
            description=row.description,
            started_at=started_at,
            ended_at=ended_at,
            details=row.details,
            fingerprint=f"{self.table.layout.name}:{digest}:{occurrence}",
        )


def carry_out(public_id: str, *, report_progress: ReportProgress) -> Import:
    """Import what is left of that file; a file that can't be read ends the import as failed, with the reason."""
    run = Import.objects.select_related("organisation", "person").get(public_id=public_id)
    if run.state == Import.State.COMPLETED:
        return run
    path = files.upload_path(run.sha256)
    try:
        table = _open(run, path)
    except UnreadableFileError as error:
        with transaction.atomic():
            _fail(run, str(error))
        return run
    try:
        _import_rows(run, path, table, report_progress)
    except OvertakenError:
        run.refresh_from_db()
        return run
    _complete(run)
    return run


@transaction.atomic
def give_up(public_id: str) -> None:
    """End an import whose job failed for good as failed, unless it has ended."""
    run = Import.objects.open().filter(public_id=public_id).first()
    if run:
        _fail(run, STOPPED)


def _fail(run: Import, message: str) -> None:
    run.state = Import.State.FAILED
    run.error = message
    run.ended_at = timezone.now()
    run.save(update_fields=["state", "error", "ended_at"])
    publish_transfer(EventType.IMPORT_FAILED, run)


def _open(run: Import, path: Path) -> TableFormat:
    """Return how the file is to be read; the first time, look through all of it and store what it shows."""
    table = find_format(path)
    if run.total_rows is None:
        found = survey(path, table)
        if run.date_order == Import.DateOrder.AUTOMATIC:
            run.date_order = found.dates.decide()
        run.total_rows = found.rows
    run.layout = table.layout.name
    run.state = Import.State.RUNNING
    run.error = ""
    run.ended_at = None
    _begin(run)
    return table


@transaction.atomic
def _begin(run: Import) -> None:
    run.save(update_fields=["date_order", "total_rows", "layout", "state", "error", "ended_at"])
    publish_transfer(EventType.IMPORT_PROGRESSED, run, done=run.cursor)


def _import_rows(run: Import, path: Path, table: TableFormat, report_progress: ReportProgress) -> None:
    pacer = Pacer()
    with open_lines(path, table) as lines, count_occurrences() as occurrences:
        reader = RowReader(
            table=table,
            order=SlashOrder(run.date_order),
            zone=zone_of(run.person.time_zone),
            owners=RowOwners.of(run),
            occurrences=occurrences,
        )
        outcomes = map(reader.read, lines)
        _pass_over(outcomes, run.cursor)
        while chunk := list(islice(outcomes, CHUNK_ROWS)):
            is_due = pacer.is_due()
            _store_chunk(run, chunk, publish=is_due)
            if is_due:
                report_progress(run.cursor, run.total_rows, f"{run.taken} taken, {run.skipped} skipped")


def _pass_over(outcomes: Iterator[Outcome], count: int) -> None:
    """Read rows whose outcome is stored, so that equal rows after them get the numbers they should."""
    for _ in islice(outcomes, count):
        pass


@transaction.atomic
def _store_chunk(run: Import, chunk: list[Outcome], *, publish: bool) -> None:
    _advance(run, len(chunk))
    candidates = [outcome.candidate for outcome in chunk if outcome.candidate]
    taken = _add_entries(run, candidates)
    _add_skipped(run, [outcome for outcome in chunk if outcome.candidate is None])
    run.taken += taken
    run.repeated += len(candidates) - taken
    run.skipped += len(chunk) - len(candidates)
    run.save(update_fields=["taken", "repeated", "skipped"])
    if publish:
        publish_transfer(EventType.IMPORT_PROGRESSED, run, done=run.cursor, taken=run.taken, skipped=run.skipped)


def _advance(run: Import, rows: int) -> None:
    """Move the cursor on, and with that lock the import; raises OvertakenError when it has moved."""
    moved = Import.objects.filter(pk=run.pk, cursor=run.cursor).update(cursor=F("cursor") + rows)
    if not moved:
        raise OvertakenError(f"Another worker has gone on with import {run.public_id}.")
    run.cursor += rows


def _add_entries(run: Import, candidates: list[Candidate]) -> int:
    """Store the entries that are new and return how many they were."""
    projects = ensure_projects(run.organisation, {row.project_name for row in candidates if row.project_name})
    entries = [
        TimeEntry(
            organisation=run.organisation,
            person_id=row.person_id,
            project=projects.get(project_name_key(row.project_name)),
            description=row.description,
            started_at=row.started_at,
            ended_at=row.ended_at,
            imported_by=run,
            import_details=row.details or None,
            fingerprint=row.fingerprint,
        )
        for row in candidates
    ]
    TimeEntry.objects.bulk_create(entries, ignore_conflicts=True)
    # Neither database tells which rows it ignored; those of this import are the ones it took.
    return TimeEntry.objects.filter(imported_by=run, fingerprint__in=[row.fingerprint for row in candidates]).count()


def _add_skipped(run: Import, outcomes: Iterable[Outcome]) -> None:
    SkippedRow.objects.bulk_create(
        [SkippedRow(import_run=run, line=outcome.line, reason=outcome.reason) for outcome in outcomes]
    )


@transaction.atomic
def _complete(run: Import) -> None:
    run.state = Import.State.COMPLETED
    run.ended_at = timezone.now()
    run.save(update_fields=["state", "ended_at"])
    receivers = set(TimeEntry.objects.filter(imported_by=run).values_list("person_id", flat=True).distinct())
    # Sorted, so that two imports lock the streams of the same people in the same order.
    for person_id in sorted(receivers | {run.person_id}):
        if person_id == run.person_id:
            publish_transfer(EventType.IMPORT_COMPLETED, run, done=run.cursor, taken=run.taken, skipped=run.skipped)
        if person_id in receivers:
            publish_entries_changed(person_id, run.organisation_id)


def _refuse_wrong_row(description: str, project_name: str, started_at: datetime, ended_at: datetime) -> None:
    if ended_at == started_at:
        raise UnreadableRowError("The entry has no length: it ends when it starts.")
    if ended_at < started_at:
        raise UnreadableRowError("The entry ends before it starts.")
    if len(description) > DESCRIPTION_LIMIT:
        raise UnreadableRowError(f"The description is longer than {DESCRIPTION_LIMIT:,} characters.")
    if len(project_name) > PROJECT_NAME_LIMIT:
        raise UnreadableRowError(f"The project's name is longer than {PROJECT_NAME_LIMIT} characters.")
