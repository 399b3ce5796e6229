"""For load balancers and supervisors: is the process alive, can it serve."""

from __future__ import annotations

from http import HTTPStatus

from django.contrib.auth.decorators import login_not_required
from django.db import Error as DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from workstate.core.health.checks.migrations import missing_migrations


@login_not_required
@never_cache
@require_safe
def healthz(_request: HttpRequest) -> JsonResponse:
    """Answer, which shows that the process does; nothing else is touched."""
    return JsonResponse({"status": "ok"})


@login_not_required
@never_cache
@require_safe
def readyz(_request: HttpRequest) -> JsonResponse:
    """Answer 200 when the database is there with all its tables, else 503; reasons stay in `workstate doctor`."""
    try:
        is_ready = not missing_migrations()
    except DatabaseError:
        is_ready = False
    status = HTTPStatus.OK if is_ready else HTTPStatus.SERVICE_UNAVAILABLE
    return JsonResponse({"status": "ok" if is_ready else "unavailable"}, status=status)
