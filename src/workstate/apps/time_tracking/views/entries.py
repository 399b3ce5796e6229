"""The page of one entry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from workstate.apps.time_tracking import selectors
from workstate.apps.time_tracking.days import zone_of
from workstate.apps.time_tracking.errors import EntryRefusedError
from workstate.apps.time_tracking.forms import EntryForm
from workstate.apps.time_tracking.services import entries
from workstate.apps.time_tracking.views.common import get_entry_or_404, wall_clock

if TYPE_CHECKING:
    import uuid

    from django.http import HttpResponse, HttpResponseRedirect

    from workstate.apps.accounts.access import MemberRequest
    from workstate.apps.time_tracking.models import TimeEntry


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: MemberRequest, public_id: uuid.UUID) -> HttpResponse:
    """Show an entry and store what the person changes in it."""
    entry = get_entry_or_404(request, public_id)
    form = EntryForm(
        request.POST or None,
        entry=entry,
        projects=selectors.list_projects(person=request.user, organisation=request.organisation, besides=entry),
        zone=zone_of(request.user.time_zone),
    )
    if form.is_valid():
        try:
            changed = entries.change_entry(entry, **form.cleaned_data)
        except EntryRefusedError as error:
            form.add_error(error.field, str(error))
        else:
            return _back_to_week(request, changed)
    context = {"entry": entry, "form": form, "week": _week_of(request, entry)}
    return render(request, "time_tracking/entry.html", context, status=422 if form.errors else 200)


@require_POST
def delete(request: MemberRequest, public_id: uuid.UUID) -> HttpResponse:
    """Delete an entry with its time."""
    entry = get_entry_or_404(request, public_id)
    entries.delete_entry(entry)
    messages.success(request, "The entry is deleted.")
    return _back_to_week(request, entry)


def _back_to_week(request: MemberRequest, entry: TimeEntry) -> HttpResponseRedirect:
    return redirect(_week_of(request, entry))


def _week_of(request: MemberRequest, entry: TimeEntry) -> str:
    return f"{reverse('time_tracking:timer')}?week={wall_clock(request, entry.started_at):%Y-%m-%d}"
