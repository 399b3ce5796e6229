"""The words in which time tracking asks its tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, TypeVar

from django.db import models
from django.db.models import Q

if TYPE_CHECKING:
    from datetime import datetime

    from workstate.apps.accounts.models import Organisation, User
    from workstate.apps.time_tracking.models import Export, Import, Project, TimeEntry, Transfer  # noqa: F401 - named in base classes

M = TypeVar("M", bound=models.Model)
T = TypeVar("T", bound="Transfer")


class ProjectQuerySet(models.QuerySet["Project"]):
    """Projects."""

    def visible_to(self, user: User, organisation: Organisation) -> Self:
        """Return the projects of an organisation that `user` belongs to."""
        return self.filter(organisation=organisation, organisation__memberships__user=user)


class PersonalQuerySet(models.QuerySet[M]):
    """Rows that belong to one person in one organisation."""

    def visible_to(self, user: User, organisation: Organisation) -> Self:
        """Return `user`'s own rows in an organisation that they belong to."""
        return self.filter(person=user, organisation=organisation, organisation__memberships__user=user)


class TimeEntryQuerySet(PersonalQuerySet["TimeEntry"]):
    """Time entries."""

    def running(self) -> Self:
        """Return those on which time still passes: at most one for a person."""
        return self.filter(ended_at__isnull=True)

    def ended(self) -> Self:
        """Return those that have both ends."""
        return self.filter(ended_at__isnull=False)

    def overlapping(self, start: datetime, end: datetime) -> Self:
        """Return those with any time in [start, end); written so that both indexes can be used."""
        starts_within = Q(started_at__gte=start, started_at__lt=end)
        reaches_in = Q(started_at__lt=start, ended_at__gt=start)
        runs_on = Q(started_at__lt=start, ended_at__isnull=True)
        return self.filter(starts_within | reaches_in | runs_on)


class TransferQuerySet(PersonalQuerySet[T]):
    """Imports or exports."""

    def open(self) -> Self:
        """Return those that a worker still has something to do for."""
        return self.filter(state__in=self.model.OPEN)


class ImportQuerySet(TransferQuerySet["Import"]):
    """Imports."""


class ExportQuerySet(TransferQuerySet["Export"]):
    """Exports."""
