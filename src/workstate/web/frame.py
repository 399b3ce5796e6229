"""The frame around every page: what stands in its navigation and in its bar.

This layer knows no app. The composition root names the navigation in `WEB_NAVIGATION` and the function
that renders the running timer in `WEB_TIMER_BAR`, and the frame asks them on each page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.urls import reverse
from django.utils.module_loading import import_string

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest


def is_member(request: HttpRequest) -> bool:
    """Tell whether the person belongs to the organisation that the page is about."""
    return getattr(request, "membership", None) is not None


def is_administrator(request: HttpRequest) -> bool:
    """Tell whether the person may change the organisation itself."""
    return is_member(request) and bool(request.membership.is_administrator)  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class NavigationItem:
    """A place that people go to, named for what they do there."""

    label: str
    icon: str
    url_name: str
    is_visible: Callable[[HttpRequest], bool] = is_member


@dataclass(frozen=True, slots=True, kw_only=True)
class NavigationLink:
    """An item as one person sees it on one page."""

    label: str
    icon: str
    url: str
    is_current: bool


def list_navigation(request: HttpRequest) -> list[NavigationLink]:
    """Return the places that this person may go to; the current one is the longest address above the page's."""
    items: list[NavigationItem] = settings.WEB_NAVIGATION
    visible = [(item, reverse(item.url_name)) for item in items if item.is_visible(request)]
    current = max((url for _, url in visible if request.path.startswith(url)), key=len, default=None)
    return [
        NavigationLink(label=item.label, icon=item.icon, url=url, is_current=url == current) for item, url in visible
    ]


def render_timer_bar(request: HttpRequest) -> str:
    """Return the running timer as the app named in the settings renders it, or nothing for strangers."""
    if settings.WEB_TIMER_BAR is None or not is_member(request):
        return ""
    render: Callable[[HttpRequest], str] = import_string(settings.WEB_TIMER_BAR)
    return render(request)
