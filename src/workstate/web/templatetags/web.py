"""Template tags of the frame: icons, states, navigation."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import lucide
from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from workstate.web import frame, live

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.template import Context

ICON_SIZE_PIXELS = 18
BADGE_ICON_SIZE_PIXELS = 14
ICONS_KEPT = 512

register = template.Library()


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """How a state looks: the class that colours it, and its icon."""

    css_class: str
    icon: str


STATES = {
    "running": State(css_class="is-running", icon="circle-play"),
    "waiting": State(css_class="is-waiting", icon="hourglass"),
    "done": State(css_class="is-done", icon="circle-check"),
    "failed": State(css_class="is-failed", icon="circle-alert"),
    "idle": State(css_class="is-idle", icon="circle-dashed"),
}

NOTICE_ICONS = {
    "debug": "bug",
    "info": "info",
    "success": "circle-check",
    "warning": "triangle-alert",
    "error": "circle-alert",
}


@register.simple_tag
@lru_cache(maxsize=ICONS_KEPT)
def icon(name: str, size: int = ICON_SIZE_PIXELS, css_class: str = "") -> SafeString:
    """Draw an icon that stands beside its word, and is therefore hidden from screen readers."""
    classes = f"icon {css_class}".strip()
    svg = lucide._render_icon(name, size, **{"class": classes, "aria-hidden": "true"})  # noqa: SLF001 - its template tag can't take names with a dash
    return mark_safe(svg)  # noqa: S308 - drawn from the package's own files; attributes are escaped there


@register.simple_tag
def badge(state: str, word: str = "") -> SafeString:
    """Show a state by colour, icon and word; `state` is a key of STATES."""
    look = STATES[state]
    return format_html(
        '<span class="badge {}">{}{}</span>',
        look.css_class,
        icon(look.icon, BADGE_ICON_SIZE_PIXELS),
        word or state.capitalize(),
    )


@register.filter
def notice_icon(level_tag: str) -> str:
    """Return the icon for a message of this level."""
    return NOTICE_ICONS.get(level_tag, "info")


@register.filter
def initials(person: object) -> str:
    """Return up to two letters that stand for a person."""
    words = str(person).split("@", 1)[0].replace(".", " ").split()
    return "".join(word[0] for word in words[:2]).upper()


@register.simple_tag(takes_context=True)
def list_navigation(context: Context) -> list[frame.NavigationLink]:
    """Return the links of the navigation for this request."""
    return frame.list_navigation(_request(context))


@register.simple_tag(takes_context=True)
def live_streams(context: Context) -> str:
    """Return the streams that the page follows and from where, as JSON for an attribute."""
    return json.dumps(live.get_followed(_request(context)))


@register.simple_tag(takes_context=True)
def timer_bar(context: Context) -> str:
    """Render the running timer."""
    return frame.render_timer_bar(_request(context))


def _request(context: Context) -> HttpRequest:
    request: HttpRequest = context["request"]
    return request
