"""What is told to a whole organisation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workstate.core import live

if TYPE_CHECKING:
    from workstate.apps.accounts.models import Organisation
    from workstate.core.live.models import Event


def broadcast(*, organisation: Organisation, type: str, data: dict[str, Any]) -> Event:  # noqa: A002  the event's word
    """Publish to everybody in an organisation who follows its stream, in the caller's transaction.

    Who may follow it are the members; a page that is to hear it calls `follow(request, "organisation:…")`.
    """
    return live.publish(f"organisation:{organisation.pk}", type, data)
