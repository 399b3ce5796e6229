"""`/metrics`, for who knows the token."""

from __future__ import annotations

from http import HTTPStatus

from django.contrib.auth.decorators import login_not_required
from django.db import Error as DatabaseError
from django.db import connections
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from workstate.core.configuration import configuration
from workstate.core.jobs.connections import ledger_alias
from workstate.core.jobs.ledger import ledger_on
from workstate.core.telemetry import tallies
from workstate.core.telemetry.collector import Collector

SCHEME = "Bearer "


@login_not_required
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer with all metrics; 401 without the token, 404 when none is set, 503 when the database is away.

    Whichever web process is asked answers the same.
    """
    token = configuration().metrics_token
    if not token:
        raise Http404
    if not _knows(request, token):
        return HttpResponse(status=HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": 'Bearer realm="metrics"'})
    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collector())
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    try:
        tallies.write(ledger_on(connections[ledger_alias()]))  # what this process has counted itself
        return HttpResponse(encode(registry), content_type=content_type)
    except DatabaseError:
        return HttpResponse(status=HTTPStatus.SERVICE_UNAVAILABLE)


def _knows(request: HttpRequest, token: str) -> bool:
    given = request.headers.get("Authorization", "")
    return given.startswith(SCHEME) and constant_time_compare(given.removeprefix(SCHEME), token)
