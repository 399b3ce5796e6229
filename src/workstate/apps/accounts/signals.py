"""What django-allauth does to a person, passed on to the open sockets of that person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.account.signals import password_changed, password_reset, password_set

from workstate.core import live

if TYPE_CHECKING:
    from workstate.apps.accounts.models import User


def connect() -> None:
    """Have the sockets of a person check their session again when the password changes."""
    for signal in (password_changed, password_reset, password_set):
        signal.connect(_report_rights_changed, dispatch_uid="workstate.accounts")


def _report_rights_changed(user: User, **_signal: Any) -> None:
    live.report_rights_changed(user.pk)
