"""In which mode the installation works right now."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from celery import current_app
from django.db.models import Min
from django.utils import timezone

from workstate.core.jobs.models import Process
from workstate.core.relay.adoption import outside_urls
from workstate.core.relay.courier import BrokerAwayError, Courier

if TYPE_CHECKING:
    from datetime import datetime


class Mode(StrEnum):
    """Who carries the jobs."""

    EMBEDDED = "embedded"
    FULL = "full"
    DEGRADED = "degraded"


def current_mode() -> Mode:
    """Return the mode; an outside broker is asked whether it answers, for a second at most."""
    if not outside_urls(current_app):
        return Mode.EMBEDDED
    return Mode.FULL if _answers() and broker_away_since() is None else Mode.DEGRADED


def broker_away_since() -> datetime | None:
    """Return since when a worker that lives can't reach the outside broker, or None when all can."""
    alive = Process.objects.filter(ended_at=None, lease_expires_at__gt=timezone.now())
    since: datetime | None = alive.aggregate(since=Min("broker_away_since"))["since"]
    return since


def _answers() -> bool:
    courier = Courier(current_app)
    try:
        courier.ping()
    except BrokerAwayError:
        return False
    finally:
        courier.close()
    return True
