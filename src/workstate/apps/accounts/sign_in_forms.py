"""django-allauth's forms, plainer: a label that vanishes when one types is no label."""

from __future__ import annotations

from typing import Any

from allauth.account import forms as allauth_forms
from django import forms
from django.conf import settings


class PlainForm(forms.Form):
    """Takes the placeholders out of a form's fields, and writes labels as sentences are written."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)
            field.label = str(field.label).capitalize()


class SignInForm(PlainForm, allauth_forms.LoginForm):  # type: ignore[misc]  # untyped
    """Asks who you are."""


class ChangePasswordForm(PlainForm, allauth_forms.ChangePasswordForm):  # type: ignore[misc]  # untyped
    """From the password that is to one that will be."""


class SetPasswordForm(PlainForm, allauth_forms.SetPasswordForm):  # type: ignore[misc]  # untyped
    """The first password of someone who is signed in."""


class ResetPasswordForm(PlainForm, allauth_forms.ResetPasswordForm):  # type: ignore[misc]  # untyped
    """Where to send a link."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not settings.MAIL_IS_SET_UP:
            self.fields[
                "email"
            ].help_text = "This installation can't send mail yet. Ask an administrator of your team for a sign-in link."


class ResetPasswordKeyForm(PlainForm, allauth_forms.ResetPasswordKeyForm):  # type: ignore[misc]  # untyped
    """The password that someone with a link sets."""


class ReauthenticateForm(PlainForm, allauth_forms.ReauthenticateForm):  # type: ignore[misc]  # untyped
    """Asks whether it is still you."""
