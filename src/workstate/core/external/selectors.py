"""Questions about external calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Count

from workstate.core.external.errors import CallNotFoundError
from workstate.core.external.models import ExternalCall
from workstate.core.external.states import CallState

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_SHOWN = 50


def find_call(purpose: str, key: str) -> ExternalCall | None:
    """Return the call of that key, None when it was never planned or is forgotten."""
    return ExternalCall.objects.filter(purpose=purpose, key=key).first()


def get_call(call_id: int) -> ExternalCall:
    """Return a call; raises CallNotFoundError."""
    call = ExternalCall.objects.filter(pk=call_id).first()
    if call is None:
        raise CallNotFoundError(call_id)
    return call


def list_awaiting_decision(*, purpose: str | None = None, limit: int = MOST_SHOWN) -> list[ExternalCall]:
    """Return the ambiguous calls that somebody has to look into, oldest first."""
    calls = ExternalCall.objects.awaiting_decision().order_by("pk")
    return list((calls if purpose is None else calls.filter(purpose=purpose))[:limit])


def count_awaiting_decision() -> int:
    """Return how many ambiguous calls somebody has to look into."""
    return ExternalCall.objects.awaiting_decision().count()


def list_unapplied(limit: int = MOST_SHOWN) -> list[ExternalCall]:
    """Return the calls whose answer could not be applied, oldest first; `continue_call` tries again."""
    return list(ExternalCall.objects.unapplied().exclude(error_type="").order_by("pk")[:limit])


def list_calls(
    *, purpose: str | None = None, states: Sequence[CallState] = (), limit: int = MOST_SHOWN
) -> list[ExternalCall]:
    """Return calls, newest first, without their answers."""
    calls = ExternalCall.objects.defer("answer", "request").order_by("-pk")
    if purpose is not None:
        calls = calls.filter(purpose=purpose)
    if states:
        calls = calls.filter(state__in=states)
    return list(calls[:limit])


def count_by_state() -> dict[CallState, int]:
    """Return how many calls stand in each state that any is in."""
    rows = ExternalCall.objects.values_list("state").annotate(count=Count("pk")).order_by()
    return {CallState(state): count for state, count in rows}
