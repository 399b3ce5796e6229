"""How pages of time tracking write lengths of time, spans and projects."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django import template
from django.utils.html import format_html

from workstate.apps.time_tracking.durations import format_exact, format_machine, format_short, format_spoken
from workstate.apps.time_tracking.models import Export, Import

if TYPE_CHECKING:
    from datetime import datetime

    from django.utils.safestring import SafeString

    from workstate.apps.time_tracking.models import Project, Transfer

register = template.Library()

MILLISECOND = timedelta(milliseconds=1)
BADGES = {
    Import.State.WAITING: "waiting",
    Import.State.RUNNING: "running",
    Import.State.COMPLETED: "done",
    Import.State.FAILED: "failed",
}


@register.simple_tag
def duration(length: timedelta) -> SafeString:
    """Write a length as 1:05, exact on hover and in words for a screen reader."""
    return format_html(
        '<time datetime="{}" title="{}"><span aria-hidden="true">{}</span>'
        '<span class="visually-hidden">{}</span></time>',
        format_machine(length),
        format_exact(length),
        format_short(length),
        format_spoken(length),
    )


@register.simple_tag
def ticking(length: timedelta) -> SafeString:
    """Write a length that grows by itself: elapsed.js counts on from what the server's clock said."""
    return format_html(
        '<time role="timer" datetime="{}" data-elapsed="{}">{}</time>',
        format_machine(length),
        length // MILLISECOND,
        format_exact(length),
    )


@register.simple_tag
def elapsed(started_at: datetime, server_now: datetime, title: str) -> SafeString:
    """Write how long a timer has run, by the server's clock; the tab shows it with `title`."""
    length = max(server_now - started_at, timedelta())
    return format_html(
        '<time id="timer-elapsed" role="timer" aria-label="Elapsed" datetime="{}" data-elapsed="{}"'
        ' data-tab-title="{}">{}</time>',
        format_machine(length),
        length // MILLISECOND,
        title,
        format_exact(length),
    )


@register.simple_tag
def project_name(project: Project | None) -> SafeString:
    """Write a project with its colour, or that there is none."""
    if project is None:
        return format_html('<span class="project quiet">{}</span>', "No project")
    return format_html('<span class="project project-{}"><bdi>{}</bdi></span>', project.colour, project.name)


@register.filter
def badge_state(transfer: Transfer) -> str:
    """Return the badge that an import's or export's state has."""
    return BADGES[Export.State(transfer.state)]
