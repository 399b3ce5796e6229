"""What several pages of time tracking do alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404

from workstate.apps.time_tracking import selectors
from workstate.apps.time_tracking.days import zone_of
from workstate.apps.time_tracking.models import TimeEntry

if TYPE_CHECKING:
    import uuid
    from datetime import datetime

    from workstate.apps.accounts.access import MemberRequest


def get_entry_or_404(request: MemberRequest, public_id: uuid.UUID) -> TimeEntry:
    """Return the person's own entry; anyone else's is as if it did not exist."""
    try:
        return selectors.get_entry(person=request.user, organisation=request.organisation, public_id=public_id)
    except TimeEntry.DoesNotExist as error:
        raise Http404 from error


def wall_clock(request: MemberRequest, moment: datetime) -> datetime:
    """Return a moment as the person's clock shows it."""
    return moment.astimezone(zone_of(request.user.time_zone))
