"""Who is asking, for which organisation, and whose day it is.

Every page needs a signed-in person and a membership unless its view says otherwise with Django's
`login_not_required` or with `membership_not_required`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.deprecation import MiddlewareMixin
from django_htmx.http import HttpResponseClientRedirect

from workstate.apps.accounts import selectors

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

ORGANISATION_SESSION_KEY = "organisation_id"

View = TypeVar("View", bound=Callable[..., HttpResponseBase])


def membership_not_required(view: View) -> View:
    """Open a view to signed-in people who belong to no organisation."""
    view.membership_required = False  # type: ignore[attr-defined]
    return view


class SignInRequiredMiddleware(LoginRequiredMiddleware):
    """Sends strangers to the sign-in page, also when a fragment was asked for."""

    def process_view(
        self,
        request: HttpRequest,
        view_func: Callable[..., HttpResponseBase],
        view_args: tuple[Any, ...],
        view_kwargs: dict[str, Any],
    ) -> HttpResponseBase | None:
        """Redirect; a fragment's request makes the whole page go there."""
        redirect = super().process_view(request, view_func, view_args, view_kwargs)
        if isinstance(redirect, HttpResponseRedirect) and request.headers.get("HX-Request"):
            return HttpResponseClientRedirect(redirect.url)
        return redirect


class MembershipMiddleware(MiddlewareMixin):
    """Sets `request.organisation` and `request.membership`, both None for strangers and for people without a team."""

    def process_request(self, request: HttpRequest) -> None:
        """Read the membership that this session works in."""
        request.membership = request.organisation = None  # type: ignore[attr-defined]
        if request.user.is_authenticated:
            chosen = request.session.get(ORGANISATION_SESSION_KEY)
            request.membership = selectors.find_membership(user=request.user, organisation_id=chosen)  # type: ignore[attr-defined]
            request.organisation = request.membership.organisation if request.membership else None  # type: ignore[attr-defined]

    def process_view(
        self,
        request: HttpRequest,
        view_func: Callable[..., HttpResponseBase],
        view_args: tuple[Any, ...],
        view_kwargs: dict[str, Any],
    ) -> HttpResponse | None:
        """Stop people without a team at a page that says so."""
        is_open = not getattr(view_func, "login_required", True) or not getattr(view_func, "membership_required", True)
        if is_open or not request.user.is_authenticated or request.membership is not None:  # type: ignore[attr-defined]
            return None
        return render(request, "accounts/no_organisation.html", status=403)


def person_time_zone(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Show times in the zone of the person who asks."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return get_response(request)
        with timezone.override(ZoneInfo(request.user.time_zone)):
            return get_response(request)

    return middleware
