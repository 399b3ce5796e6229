"""What people type, checked before a service sees it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator

from workstate.apps.time_tracking.days import EARLIEST_DAY, LATEST_DAY, day_of, is_trackable, zone_of
from workstate.apps.time_tracking.local_times import moments_of
from workstate.apps.time_tracking.models import DESCRIPTION_LIMIT, PROJECT_NAME_LIMIT, Import, Project

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from django.core.files.uploadedfile import UploadedFile

    from workstate.apps.time_tracking.models import TimeEntry
    from workstate.apps.time_tracking.querysets import ProjectQuerySet

UPLOAD_LIMIT_MEGABYTES = 100
BYTES_IN_MEGABYTE = 1024 * 1024
WALL_TIME_FORMAT = "%Y-%m-%dT%H:%M:%S"
EXPORT_DAYS = 30


class DescriptionField(forms.CharField):
    """What the time was for: any text of any script, up to the limit."""

    default_error_messages: ClassVar = {
        "max_length": "A description has at most %(limit_value)d characters; this one has %(show_value)d.",
    }

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, max_length=DESCRIPTION_LIMIT, **kwargs)


class ProjectField(forms.ModelChoiceField):  # type: ignore[type-arg]  # not generic when it runs
    """One of the projects that the form was given, named in the page by its public id."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            queryset=Project.objects.none(),
            to_field_name="public_id",
            required=False,
            empty_label="No project",
            error_messages={"invalid_choice": "This project is archived or was removed. Choose another one."},
            **kwargs,
        )


class WallTimeField(forms.Field):
    """A date and time as a clock on the wall shows them, without a zone."""

    default_error_messages: ClassVar = {
        "required": "Choose a date and a time.",
        "invalid": "Write date and time like 2026-11-20 09:30.",
    }

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.DateTimeInput(attrs={"type": "datetime-local", "step": 1}, format=WALL_TIME_FORMAT)
        super().__init__(widget=widget, **kwargs)

    def to_python(self, value: Any) -> datetime | None:
        """Return the time that was typed; a zone in it is refused, because the page shows none."""
        if value in self.empty_values:
            return None
        try:
            parsed = datetime.fromisoformat(value.strip())
        except ValueError:
            parsed = None
        if parsed is None or parsed.tzinfo is not None or not is_trackable(parsed.date()):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return parsed


class TimerForm(forms.Form):
    """What a timer is for; `id` is the one that the page gave this start."""

    id = forms.UUIDField(required=False, widget=forms.HiddenInput)
    description = DescriptionField()
    project = ProjectField()

    def __init__(self, *args: Any, projects: ProjectQuerySet, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["project"].queryset = projects  # type: ignore[attr-defined]


class RunningTimerForm(forms.Form):
    """Which timer a page means when it stops or discards one."""

    timer = forms.UUIDField()


class EntryForm(forms.Form):
    """An entry's description, project and times; the times are those of the person's clock."""

    description = DescriptionField(widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}))
    project = ProjectField()
    started_at = WallTimeField(label="Start")
    ended_at = WallTimeField(label="End")

    def __init__(self, data: Any = None, *, entry: TimeEntry, projects: ProjectQuerySet, zone: ZoneInfo) -> None:
        self._entry = entry
        self._zone = zone
        super().__init__(data, initial=self._initial())
        self.fields["project"].queryset = projects  # type: ignore[attr-defined]
        if entry.is_running:
            del self.fields["ended_at"]

    def clean_started_at(self) -> datetime:
        """Return the moment of the start."""
        return self._moments("started_at", self._entry.started_at)[0]

    def clean_ended_at(self) -> datetime:
        """Return the moment of the end: where the clock shows it twice, the first after the start."""
        moments = self._moments("ended_at", self._entry.ended_at)
        started_at = self.cleaned_data.get("started_at")
        return next((moment for moment in moments if started_at and moment > started_at), moments[0])

    def _initial(self) -> dict[str, Any]:
        entry = self._entry
        return {
            "description": entry.description,
            "project": entry.project.public_id if entry.project else None,
            "started_at": self._wall_time(entry.started_at),
            "ended_at": self._wall_time(entry.ended_at) if entry.ended_at else None,
        }

    def _wall_time(self, moment: datetime) -> datetime:
        return moment.astimezone(self._zone).replace(tzinfo=None, microsecond=0)

    def _moments(self, name: str, stored: datetime | None) -> list[datetime]:
        typed: datetime = self.cleaned_data[name]
        if stored and typed == self.initial[name]:
            return [stored]  # to the microsecond, and in the right one of two equal hours
        moments = moments_of(typed, self._zone)
        if not moments:
            raise ValidationError(
                f"On {typed:%-d %B %Y} the clocks went forward and {typed:%H:%M} never came. Choose another time."
            )
        return moments


class DayField(forms.DateField):
    """A day on which time can have been tracked."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            validators=[MinValueValidator(EARLIEST_DAY), MaxValueValidator(LATEST_DAY)],
            **kwargs,
        )


class ProjectForm(forms.Form):
    """A new project."""

    name = forms.CharField(max_length=PROJECT_NAME_LIMIT)
    colour = forms.ChoiceField(choices=Project.Colour.choices)


class ImportForm(forms.Form):
    """A file to import and how to read it."""

    file = forms.FileField(
        label="CSV file",
        allow_empty_file=True,  # the worker says what to do about it, as for any other file
        help_text=f"A detailed report of Toggl Track or Clockify, up to {UPLOAD_LIMIT_MEGABYTES} MB.",
        widget=forms.FileInput(attrs={"accept": ".csv,.txt,text/csv"}),
        error_messages={"required": "Choose a file first."},
    )
    date_order = forms.ChoiceField(label="Dates", choices=Import.DateOrder.choices)
    all_rows_are_mine = forms.BooleanField(label="All rows are mine, whatever e-mail address they name", required=False)

    def clean_file(self) -> UploadedFile[bytes]:
        """Refuse what is larger than a worker should take at once."""
        upload: UploadedFile[bytes] = self.cleaned_data["file"]
        if (upload.size or 0) > UPLOAD_LIMIT_MEGABYTES * BYTES_IN_MEGABYTE:
            raise ValidationError(
                f"The file is larger than {UPLOAD_LIMIT_MEGABYTES} MB. Export a shorter period, and import the "
                "files one after the other: nothing is added twice."
            )
        return upload


class ExportForm(forms.Form):
    """Which entries to export."""

    first_day = DayField(label="From")
    last_day = DayField(label="To")
    project = ProjectField()

    def __init__(self, data: Any = None, *, projects: ProjectQuerySet, time_zone: str, now: datetime) -> None:
        today = day_of(now, zone_of(time_zone))
        super().__init__(data, initial={"first_day": today - timedelta(days=EXPORT_DAYS), "last_day": today})
        project = self.fields["project"]
        project.queryset = projects  # type: ignore[attr-defined]
        project.empty_label = "All projects"  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Refuse a period that ends before it begins."""
        cleaned: dict[str, Any] = super().clean() or {}
        first_day, last_day = cleaned.get("first_day"), cleaned.get("last_day")
        if first_day and last_day and last_day < first_day:
            self.add_error("last_day", "The last day lies before the first.")
        return cleaned
