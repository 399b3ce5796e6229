"""Create and archive projects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction

from workstate.apps.time_tracking.errors import TimeTrackingError
from workstate.apps.time_tracking.models import Project, project_name_key

if TYPE_CHECKING:
    from collections.abc import Iterable

    from workstate.apps.accounts.models import Organisation

PALETTE = list(Project.Colour)


class ProjectExistsError(TimeTrackingError):
    """There is a project of that name in the organisation already."""


@transaction.atomic(durable=True)
def create_project(*, organisation: Organisation, name: str, colour: str) -> Project:
    """Add a project; raises ProjectExistsError when its name is taken, whatever the case."""
    try:
        with transaction.atomic():
            return Project.objects.create(organisation=organisation, name=" ".join(name.split()), colour=colour)
    except IntegrityError as error:
        raise ProjectExistsError("There is a project of that name already. Choose another name.") from error


@transaction.atomic(durable=True)
def set_archived(project: Project, *, is_archived: bool) -> None:
    """Take a project out of the lists that new time is booked from, or put it back."""
    Project.objects.filter(pk=project.pk).update(is_archived=is_archived)


def ensure_projects(organisation: Organisation, names: Iterable[str]) -> dict[str, Project]:
    """Create the projects that are missing and return all of `names`, by their key.

    Runs in the caller's transaction; harmless beside another that does the same.
    """
    by_key = {project_name_key(name): " ".join(name.split()) for name in names}
    missing = by_key.keys() - _by_key(organisation, by_key).keys()
    Project.objects.bulk_create(
        [
            Project(organisation=organisation, name=by_key[key], name_key=key, colour=colour_for(key))
            for key in sorted(missing)
        ],
        ignore_conflicts=True,
    )
    return _by_key(organisation, by_key)


def colour_for(name_key: str) -> str:
    """Return a colour for a project: the same name always gets the same."""
    return PALETTE[sum(name_key.encode()) % len(PALETTE)]


def _by_key(organisation: Organisation, keys: Iterable[str]) -> dict[str, Project]:
    found = Project.objects.filter(organisation=organisation, name_key__in=list(keys))
    return {project.name_key: project for project in found}
