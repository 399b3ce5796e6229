"""Who may open a view."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http.response import HttpResponseBase

    from workstate.apps.accounts.models import Membership, Organisation, User

P = ParamSpec("P")


class MemberRequest(HttpRequest):
    """A request as views of members see it: the middleware let nobody else through."""

    user: User
    membership: Membership
    organisation: Organisation
    htmx: Any


def administrator_required(
    view: Callable[Concatenate[MemberRequest, P], HttpResponseBase],
) -> Callable[Concatenate[MemberRequest, P], HttpResponseBase]:
    """Refuse members who are not administrators with 403."""

    @wraps(view)
    def guarded(request: MemberRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.membership.is_administrator:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return guarded
