"""Projects, time entries, and the imports and exports that carry them in and out."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.urls import reverse

from workstate.apps.time_tracking.querysets import ExportQuerySet, ImportQuerySet, ProjectQuerySet, TimeEntryQuerySet

DESCRIPTION_LIMIT = 10_000
PROJECT_NAME_LIMIT = 300


class Project(models.Model):
    """What time is spent on; its name is unique in the organisation, whatever the case."""

    class Colour(models.TextChoices):
        """Names of the palette; the style sheet decides what each looks like in either theme."""

        BLUE = "blue"
        GREEN = "green"
        AMBER = "amber"
        RED = "red"
        VIOLET = "violet"
        TEAL = "teal"
        PINK = "pink"
        GREY = "grey"

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.CASCADE, related_name="projects")
    name = models.CharField(max_length=PROJECT_NAME_LIMIT)
    name_key = models.CharField(max_length=2 * PROJECT_NAME_LIMIT, editable=False, help_text="The name as compared.")
    colour = models.CharField(max_length=6, choices=Colour.choices, default=Colour.BLUE)
    is_archived = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["name_key"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organisation", "name_key"], name="time_tracking_project_name"),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store the project, and its name as it is compared: a database's LOWER() may know ASCII only."""
        self.name_key = project_name_key(self.name)
        super().save(*args, **kwargs)


def project_name_key(name: str) -> str:
    """Return `name` as it is compared: spaces joined, case folded."""
    return " ".join(name.split()).casefold()


class TimeEntry(models.Model):
    """A span of a person's time; it runs as long as it has no end.

    `fingerprint` tells where an imported entry came from, so that it is never added twice.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.CASCADE, related_name="time_entries")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="time_entries")
    project = models.ForeignKey(Project, on_delete=models.SET_NULL, null=True, blank=True, related_name="time_entries")
    description = models.TextField(max_length=DESCRIPTION_LIMIT, blank=True, default="")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    imported_by = models.ForeignKey(
        "time_tracking.Import", on_delete=models.SET_NULL, null=True, blank=True, related_name="entries"
    )
    import_details = models.JSONField(
        null=True, blank=True, help_text="What the source knew besides: client, task, tags, billable."
    )
    fingerprint = models.CharField(max_length=64, null=True, editable=False)  # noqa: DJ001  null is never a double
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = TimeEntryQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-started_at", "-id"]
        verbose_name_plural = "time entries"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["person"], condition=Q(ended_at__isnull=True), name="time_tracking_one_running_each"
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gt=F("started_at")),
                name="time_tracking_ends_after_start",
            ),
            models.UniqueConstraint(
                fields=["organisation", "person", "fingerprint"], name="time_tracking_imported_once"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["person", "organisation", "started_at"], name="time_tracking_by_start"),
            models.Index(fields=["person", "organisation", "ended_at"], name="time_tracking_by_end"),
        ]

    def __str__(self) -> str:
        return f"{self.description or 'No description'} ({self.started_at:%Y-%m-%d %H:%M})"

    def get_absolute_url(self) -> str:
        """Return the address of the page that edits it."""
        return reverse("time_tracking:entry", args=[self.public_id])

    @property
    def is_running(self) -> bool:
        """Whether time still passes on it."""
        return self.ended_at is None


class Transfer(models.Model):
    """What imports and exports share: whose it is, and how far it has come."""

    class State(models.TextChoices):
        """Waiting and running are open; the others are final."""

        WAITING = "waiting"
        RUNNING = "running"
        COMPLETED = "completed"
        FAILED = "failed"

    OPEN: ClassVar = [State.WAITING, State.RUNNING]

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    organisation = models.ForeignKey("accounts.Organisation", on_delete=models.CASCADE, related_name="+")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    task_id = models.CharField(max_length=255, blank=True, default="", help_text="Of the job that carries it out.")
    error = models.TextField(blank=True, default="", help_text="What is wrong and what to do, for the person.")
    total_rows = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True
        ordering: ClassVar = ["-created_at", "-id"]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.public_id} ({self.state})"

    @property
    def is_open(self) -> bool:
        """Whether a worker still has something to do for it."""
        return self.state in self.OPEN


class Import(Transfer):
    """An uploaded file of time entries and how many of its rows are done.

    `cursor` counts the rows whose outcome is stored: a worker that takes over goes on after them.
    """

    class DateOrder(models.TextChoices):
        """How 03/04/2026 is to be read."""

        AUTOMATIC = "automatic", "Find out from the file"
        DAY_FIRST = "day_first", "Day first: 03/04 is 3 April"
        MONTH_FIRST = "month_first", "Month first: 03/04 is 4 March"

    class Layout(models.TextChoices):
        """Which tool wrote the file."""

        TOGGL = "toggl", "Toggl Track"
        CLOCKIFY = "clockify", "Clockify"

    file_name = models.CharField(max_length=255)
    file_size = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    date_order = models.CharField(max_length=11, choices=DateOrder.choices, default=DateOrder.AUTOMATIC)
    all_rows_are_mine = models.BooleanField(default=False, help_text="Whatever e-mail address a row names.")
    layout = models.CharField(max_length=16, choices=Layout.choices, blank=True, default="")
    cursor = models.PositiveIntegerField(default=0)
    taken = models.PositiveIntegerField(default=0)
    repeated = models.PositiveIntegerField(default=0, help_text="Rows that were here already.")
    skipped = models.PositiveIntegerField(default=0)

    objects = ImportQuerySet.as_manager()

    def get_absolute_url(self) -> str:
        """Return the address of its page."""
        return reverse("time_tracking:import", args=[self.public_id])


class SkippedRow(models.Model):
    """A row of an import that was left out, and why."""

    import_run = models.ForeignKey(Import, on_delete=models.CASCADE, related_name="skipped_rows")
    line = models.PositiveIntegerField(help_text="In the file, counted from 1.")
    reason = models.CharField(max_length=300)

    class Meta:
        ordering: ClassVar = ["line"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["import_run", "line"], name="time_tracking_skipped_once"),
        ]

    def __str__(self) -> str:
        return f"line {self.line}: {self.reason}"


class Export(Transfer):
    """A CSV file of a person's entries, made by a worker."""

    first_day = models.DateField()
    last_day = models.DateField()
    project = models.ForeignKey(Project, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    done_rows = models.PositiveIntegerField(default=0)
    file_size = models.PositiveBigIntegerField(null=True)

    objects = ExportQuerySet.as_manager()

    def get_absolute_url(self) -> str:
        """Return the address of its page."""
        return reverse("time_tracking:export", args=[self.public_id])

    @property
    def download_name(self) -> str:
        """The name that the file gets on the person's computer."""
        return f"time-{self.first_day:%Y-%m-%d}-to-{self.last_day:%Y-%m-%d}.csv"
