"""What becomes of a person, whoever does it, passed on to the live connections of that person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from allauth.account.signals import password_changed, password_reset, password_set
from django.db.models.signals import post_delete, post_save, pre_save

from workstate.apps.accounts.models import User
from workstate.core import live

if TYPE_CHECKING:
    from collections.abc import Collection

RIGHTS = ("is_active", "is_superuser")


def connect() -> None:
    """Have the live connections of a person check their session again when password or rights change."""
    for signal in (password_changed, password_reset, password_set):
        signal.connect(_report_password, dispatch_uid="workstate.accounts")
    pre_save.connect(_compare_rights, sender=User, dispatch_uid="workstate.accounts")
    post_save.connect(_report_rights, sender=User, dispatch_uid="workstate.accounts")
    post_delete.connect(_report_deleted, sender=User, dispatch_uid="workstate.accounts")


def _report_password(user: User, **_signal: Any) -> None:
    live.report_rights_changed(user.pk)


def _compare_rights(instance: User, update_fields: Collection[str] | None, **_signal: Any) -> None:
    changes = set(RIGHTS).intersection(RIGHTS if update_fields is None else update_fields)
    before = User.objects.filter(pk=instance.pk).values(*changes).first() if changes and instance.pk else None
    instance.__dict__["rights_change"] = before is not None and any(
        before[name] != getattr(instance, name) for name in changes
    )


def _report_rights(instance: User, **_signal: Any) -> None:
    if instance.__dict__.pop("rights_change", False):
        live.report_rights_changed(instance.pk)


def _report_deleted(instance: User, **_signal: Any) -> None:
    live.report_rights_changed(instance.pk)
