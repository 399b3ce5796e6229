"""What the pages of time tracking show, one question each."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Max, Q
from django.utils import timezone

from workstate.apps.time_tracking.days import (
    DAYS_IN_WEEK,
    day_of,
    day_start,
    split_by_day,
    week_start,
    zone_of,
)
from workstate.apps.time_tracking.models import Export, Import, Project, SkippedRow, TimeEntry
from workstate.core.cache import cached
from workstate.core.jobs.models import Job
from workstate.core.jobs.states import State

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterable
    from datetime import date, datetime
    from zoneinfo import ZoneInfo

    from workstate.apps.accounts.models import Organisation, User
    from workstate.apps.time_tracking.days import DayPart
    from workstate.apps.time_tracking.models import Transfer
    from workstate.apps.time_tracking.querysets import ExportQuerySet, ImportQuerySet, ProjectQuerySet

Row = dict[str, Any]

TIMER_SECONDS = 60.0
"""A project's new name shows on a timer that runs after so long."""
SKIPPED_ROWS_SHOWN = 100
TRANSFERS_SHOWN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPart:
    """The part of an entry that lies in one day, as the day's list shows it."""

    entry: TimeEntry
    part: DayPart
    goes_on_after: bool

    @property
    def comes_from_before(self) -> bool:
        """Whether the entry began on an earlier day."""
        return self.part.started_at > self.entry.started_at

    @property
    def is_running(self) -> bool:
        """Whether time passes on this very part."""
        return self.entry.is_running and not self.goes_on_after


@dataclass(frozen=True, slots=True, kw_only=True)
class DayList:
    """A day with what was done in it, newest first."""

    day: date
    parts: list[ListedPart]

    @property
    def total(self) -> timedelta:
        """The time of all parts."""
        return sum((listed.part.length for listed in self.parts), timedelta())

    @property
    def is_running(self) -> bool:
        """Whether its total grows by itself."""
        return any(listed.is_running for listed in self.parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekList:
    """A week of one person, with only those days that have entries, newest first."""

    first_day: date
    today: date
    days: list[DayList]

    @property
    def last_day(self) -> date:
        """The Sunday."""
        return self.first_day + timedelta(days=DAYS_IN_WEEK - 1)

    @property
    def total(self) -> timedelta:
        """The time of all days; it is the sum of what is listed."""
        return sum((day.total for day in self.days), timedelta())

    @property
    def total_today(self) -> timedelta:
        """The time of today, none when another week is shown."""
        return next((day.total for day in self.days if day.day == self.today), timedelta())

    @property
    def is_running(self) -> bool:
        """Whether its total grows by itself."""
        return any(day.is_running for day in self.days)

    @property
    def is_current(self) -> bool:
        """Whether today lies in it."""
        return self.first_day <= self.today <= self.last_day

    @property
    def former(self) -> date:
        """A day of the week before."""
        return self.first_day - timedelta(days=DAYS_IN_WEEK)

    @property
    def following(self) -> date:
        """A day of the week after."""
        return self.first_day + timedelta(days=DAYS_IN_WEEK)


@dataclass(frozen=True, slots=True, kw_only=True)
class SkippedRows:
    """Why rows of an import were left out: each reason with its count, and the first rows one by one."""

    reasons: list[tuple[str, int]]
    rows: list[SkippedRow]
    total: int


def find_running_timer(*, person: User, organisation: Organisation, position: str | None = None) -> TimeEntry | None:
    """Return the entry on which the person's time passes now.

    `position` is one of the person's own stream that was read before: then the cache may answer. Whatever changes
    the timer moves the stream on in the same transaction, so that nothing older than the position is ever found.
    """
    if position is None:
        entries = TimeEntry.objects.visible_to(person, organisation)
        return entries.running().select_related("project").first()
    kept = _running_timer_at(person.pk, organisation.pk, position)
    return None if kept is None else _restore_timer(*kept)


@cached(timeout=TIMER_SECONDS, key="timer:{person_id}:{organisation_id}:{position}", only_in_redis=True)
def _running_timer_at(person_id: int, organisation_id: int, position: str) -> tuple[Row, Row | None] | None:
    running = TimeEntry.objects.running().filter(person_id=person_id, organisation_id=organisation_id)
    entry: Row | None = running.values().first()  # type: ignore[assignment]  # a dict with known keys
    if entry is None:
        return None
    project: Row | None = Project.objects.filter(pk=entry["project_id"]).values().first()  # type: ignore[assignment]
    return entry, project


def _restore_timer(entry: Row, project: Row | None) -> TimeEntry:
    alias = TimeEntry.objects.db
    restored = TimeEntry.from_db(alias, list(entry), list(entry.values()))
    restored.project = None if project is None else Project.from_db(alias, list(project), list(project.values()))
    return restored


def get_entry(*, person: User, organisation: Organisation, public_id: uuid.UUID) -> TimeEntry:
    """Return the person's own entry of that id; raises TimeEntry.DoesNotExist."""
    entries = TimeEntry.objects.visible_to(person, organisation)
    entry: TimeEntry = entries.select_related("project").get(public_id=public_id)
    return entry


def list_projects(*, person: User, organisation: Organisation, besides: TimeEntry | None = None) -> ProjectQuerySet:
    """Return the projects that time can be booked on, by name; with `besides`, also the one it is booked on now."""
    bookable = Q(is_archived=False)
    if besides and besides.project_id:
        bookable |= Q(pk=besides.project_id)
    projects: ProjectQuerySet = Project.objects.visible_to(person, organisation).filter(bookable)
    return projects


def list_all_projects(*, person: User, organisation: Organisation) -> ProjectQuerySet:
    """Return all projects, the archived ones last."""
    projects: ProjectQuerySet = Project.objects.visible_to(person, organisation)
    return projects.order_by("is_archived", "name_key")


def get_project(*, person: User, organisation: Organisation, public_id: uuid.UUID) -> Project:
    """Return the organisation's project of that id; raises Project.DoesNotExist."""
    project: Project = Project.objects.visible_to(person, organisation).get(public_id=public_id)
    return project


def list_week(
    *, person: User, organisation: Organisation, containing: date | None = None, now: datetime | None = None
) -> WeekList:
    """Return the person's week around a day, or this week; a running timer counts up to `now`."""
    now = now or timezone.now()
    zone = zone_of(person.time_zone)
    today = day_of(now, zone)
    first_day = week_start(containing or today)
    begin, end = day_start(first_day, zone), day_start(first_day + timedelta(days=DAYS_IN_WEEK), zone)
    entries = TimeEntry.objects.visible_to(person, organisation).overlapping(begin, end).select_related("project")
    days = _list_days(entries.order_by("-started_at", "-id"), zone, begin, end, now)
    return WeekList(first_day=first_day, today=today, days=days)


def list_imports(*, person: User, organisation: Organisation) -> ImportQuerySet:
    """Return the person's newest imports."""
    imports: ImportQuerySet = Import.objects.visible_to(person, organisation)[:TRANSFERS_SHOWN]
    return imports


def get_import(*, person: User, organisation: Organisation, public_id: uuid.UUID) -> Import:
    """Return the person's own import of that id; raises Import.DoesNotExist."""
    run: Import = Import.objects.visible_to(person, organisation).get(public_id=public_id)
    return run


def find_newest_start(run: Import) -> datetime | None:
    """Return when the person's newest entry of an import starts, to show them where it is."""
    newest: datetime | None = TimeEntry.objects.filter(imported_by=run, person=run.person).aggregate(
        newest=Max("started_at")
    )["newest"]
    return newest


def list_skipped_rows(run: Import) -> SkippedRows:
    """Return why rows of an import were left out: all reasons, and as many rows as a page bears."""
    rows = SkippedRow.objects.filter(import_run=run)
    reasons = rows.order_by().values_list("reason").annotate(times=Count("id")).order_by("-times", "reason")
    return SkippedRows(
        reasons=list(reasons[:SKIPPED_ROWS_SHOWN]), rows=list(rows[:SKIPPED_ROWS_SHOWN]), total=run.skipped
    )


def list_exports(*, person: User, organisation: Organisation) -> ExportQuerySet:
    """Return the person's newest exports."""
    exports: ExportQuerySet = Export.objects.visible_to(person, organisation).select_related("project")
    return exports[:TRANSFERS_SHOWN]


def get_export(*, person: User, organisation: Organisation, public_id: uuid.UUID) -> Export:
    """Return the person's own export of that id; raises Export.DoesNotExist."""
    exports = Export.objects.visible_to(person, organisation).select_related("project")
    export: Export = exports.get(public_id=public_id)
    return export


def is_given_up(transfer: Transfer) -> bool:
    """Whether an open import or export waits for a job that will not run any more."""
    ended_badly = [State.DISCARDED, State.CANCELLED]
    return transfer.is_open and Job.objects.filter(task_id=transfer.task_id, state__in=ended_badly).exists()


def _list_days(
    entries: Iterable[TimeEntry], zone: ZoneInfo, begin: datetime, end: datetime, now: datetime
) -> list[DayList]:
    by_day: defaultdict[date, list[ListedPart]] = defaultdict(list)
    for entry in entries:
        started_at, ended_at = max(entry.started_at, begin), min(entry.ended_at or now, end)
        for part in split_by_day(started_at, ended_at, zone):
            goes_on_after = part.ended_at < (entry.ended_at or now)
            by_day[part.day].append(ListedPart(entry=entry, part=part, goes_on_after=goes_on_after))
    return [DayList(day=day, parts=parts) for day, parts in sorted(by_day.items(), reverse=True)]


def may_follow_job(user: User, task_id: str) -> bool:
    """Tell whether the job carries out an import or export of this person, in an organisation that they belong to."""
    own = {"person": user, "organisation__memberships__user": user, "task_id": task_id}
    return task_id != "" and any(transfers.objects.filter(**own).exists() for transfers in (Import, Export))
