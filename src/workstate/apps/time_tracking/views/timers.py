"""The time page, and the timer that stands in the bar of every page."""

from __future__ import annotations

import uuid
from datetime import date
from typing import TYPE_CHECKING, Any, cast

from django.contrib import messages
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from workstate.apps.time_tracking import selectors
from workstate.apps.time_tracking.days import is_trackable
from workstate.apps.time_tracking.errors import EntryRefusedError
from workstate.apps.time_tracking.forms import RunningTimerForm, TimerForm
from workstate.apps.time_tracking.services import entries, timers
from workstate.apps.time_tracking.views.common import get_entry_or_404, wall_clock
from workstate.web.live import get_followed

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

    from workstate.apps.accounts.access import MemberRequest
    from workstate.apps.time_tracking.models import TimeEntry
    from workstate.apps.time_tracking.services.timers import EndedTimer

# The list listens for it beside the live events, so that it is right at once also while the page is offline.
CHANGED_HERE = "time-changed"
HOME = "time_tracking:timer"


@never_cache
@require_safe
def show_time(request: MemberRequest) -> HttpResponse:
    """Show a week of the person's entries; a fragment's request gets the list alone."""
    week = selectors.list_week(
        person=request.user, organisation=request.organisation, containing=_asked_day(request), now=timezone.now()
    )
    template = "time_tracking/partials/week.html" if request.htmx.target == "week" else "time_tracking/time.html"
    return render(request, template, {"section": "week", "week": week})


@never_cache
@require_safe
def show_bar(request: MemberRequest) -> HttpResponse:
    """Give the timer anew; `draft` keeps the form for a new one, because someone is typing in it."""
    return render(request, "time_tracking/partials/timer.html", _bar_context(request))


def render_bar(request: HttpRequest) -> str:
    """Return the timer for the bar of any page."""
    context = _bar_context(cast("MemberRequest", request))
    return render_to_string("time_tracking/partials/timer_bar.html", context, request)


@require_POST
def start(request: MemberRequest) -> HttpResponse:
    """Start a timer and stop the one that ran."""
    projects = selectors.list_projects(person=request.user, organisation=request.organisation)
    form = TimerForm(request.POST, projects=projects, auto_id="new-timer-%s")
    if not form.is_valid():
        return _refuse(request, new_form=form)
    timers.start_timer(
        person=request.user,
        organisation=request.organisation,
        description=form.cleaned_data["description"],
        project=form.cleaned_data["project"],
        public_id=form.cleaned_data["id"],
    )
    return _answer(request)


@require_POST
def change(request: MemberRequest, public_id: uuid.UUID) -> HttpResponse:
    """Change what a timer is for; one that was stopped elsewhere is changed just the same."""
    entry = get_entry_or_404(request, public_id)
    form = _running_form(request, entry, data=request.POST)
    if not form.is_valid():
        return _refuse(request, running_form=form)
    try:
        entries.change_entry(entry, description=form.cleaned_data["description"], project=form.cleaned_data["project"])
    except EntryRefusedError as error:
        messages.warning(request, str(error))
    return _answer(request)


@require_POST
def stop(request: MemberRequest) -> HttpResponse:
    """Stop the timer that the page shows; one that was stopped elsewhere stays as it is."""
    form = RunningTimerForm(request.POST)
    if form.is_valid():
        ended = timers.stop_timer(
            person=request.user, organisation=request.organisation, public_id=form.cleaned_data["timer"]
        )
        _explain(request, ended)
    return _answer(request)


@require_POST
def discard(request: MemberRequest) -> HttpResponse:
    """Delete the timer that the page shows, with its time."""
    form = RunningTimerForm(request.POST)
    if form.is_valid():
        ended = timers.discard_timer(
            person=request.user, organisation=request.organisation, public_id=form.cleaned_data["timer"]
        )
        _explain(request, ended)
    return _answer(request)


def _explain(request: MemberRequest, ended: EndedTimer) -> None:
    if ended.was_running:
        return
    if ended.entry is None or ended.entry.ended_at is None:
        messages.info(request, "That timer is no longer there: it was discarded elsewhere.")
    else:
        stopped_at = wall_clock(request, ended.entry.ended_at)
        messages.info(request, f"That timer was already stopped elsewhere, at {stopped_at:%H:%M}. Its time is kept.")


def _answer(request: MemberRequest) -> HttpResponse:
    """Show the timer as it is now: the bar alone to a fragment's request, else the page where the form stood."""
    if not request.htmx:
        return redirect(_page_of(request))
    context = {**_bar_context(request), "with_messages": True}
    return trigger_client_event(render(request, "time_tracking/partials/timer.html", context), CHANGED_HERE)


def _refuse(request: MemberRequest, **forms: TimerForm) -> HttpResponse:
    """Show the form again with what was typed and what is wrong with it."""
    context = {**_bar_context(request), **forms, "is_drafting": "new_form" in forms}
    template = "time_tracking/partials/timer.html" if request.htmx else "time_tracking/timer_refused.html"
    return render(request, template, context, status=422)


def _bar_context(request: MemberRequest) -> dict[str, Any]:
    position = get_followed(request).get(f"user:{request.user.pk}")
    running = selectors.find_running_timer(person=request.user, organisation=request.organisation, position=position)
    is_drafting = running is None or "draft" in request.GET
    return {
        "running": running,
        "is_drafting": is_drafting,
        "new_form": _new_form(request) if is_drafting else None,
        "running_form": None if is_drafting or running is None else _running_form(request, running),
        "server_now": timezone.now(),
        "page": _page_of(request),
    }


def _new_form(request: MemberRequest) -> TimerForm:
    projects = selectors.list_projects(person=request.user, organisation=request.organisation)
    return TimerForm(projects=projects, auto_id="new-timer-%s", initial={"id": uuid.uuid4()})


def _running_form(request: MemberRequest, entry: TimeEntry, data: Any = None) -> TimerForm:
    projects = selectors.list_projects(person=request.user, organisation=request.organisation, besides=entry)
    initial = {"description": entry.description, "project": entry.project.public_id if entry.project else None}
    # The id keeps text that is being typed for one timer from turning up in the next.
    return TimerForm(data, projects=projects, auto_id=f"timer-{entry.public_id}-%s", initial=initial)


def _page_of(request: MemberRequest) -> str:
    """Return the page of ours that is shown now, or that a form was sent from."""
    if request.htmx:
        return request.htmx.current_url_abs_path or reverse(HOME)
    page = request.get_full_path() if request.method == "GET" else request.POST.get("page", "")
    is_ours = url_has_allowed_host_and_scheme(page, allowed_hosts={request.get_host()})
    return page if is_ours else reverse(HOME)


def _asked_day(request: MemberRequest) -> date | None:
    try:
        day = date.fromisoformat(request.GET.get("week", ""))
    except ValueError:
        return None
    return day if is_trackable(day) else None
