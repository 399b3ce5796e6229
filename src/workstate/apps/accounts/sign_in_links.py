"""One-time links through which a person sets their password and is signed in."""

from __future__ import annotations

from smtplib import SMTPException
from typing import TYPE_CHECKING

from allauth.account.forms import default_token_generator
from allauth.account.utils import user_pk_to_url_str
from django.conf import settings
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse

from workstate.apps.accounts import selectors
from workstate.apps.accounts.errors import SignInLinkRefusedError

if TYPE_CHECKING:
    from workstate.apps.accounts.access import MemberRequest
    from workstate.apps.accounts.models import Membership


def make_sign_in_link(*, membership: Membership, request: MemberRequest) -> str:
    """Return an absolute address that works once, until the password is set or `PASSWORD_RESET_TIMEOUT` ends.

    Whoever has it can become that person. So it is refused, with SignInLinkRefusedError, when the person has rights
    that the administrator who asks has not: in another organisation, or over the whole installation.
    """
    if selectors.belongs_elsewhere(membership=membership):
        raise SignInLinkRefusedError("They also belong to another organisation, so only they can set their password.")
    if membership.user.is_staff and not request.user.is_staff:
        raise SignInLinkRefusedError("They run this installation, so only they can set their password.")
    token = default_token_generator.make_token(membership.user)
    uid = user_pk_to_url_str(membership.user)
    return request.build_absolute_uri(reverse("account_reset_password_from_key", args=[uid, token]))


def mail_sign_in_link(*, membership: Membership, link: str) -> bool:
    """Mail the link to its person; return False when no mail server is set up or it would not take the mail."""
    if not settings.MAIL_IS_SET_UP:
        return False
    context = {"membership": membership, "link": link}
    try:
        send_mail(
            f"Your sign-in for {membership.organisation.name}",
            render_to_string("accounts/mail/sign_in_link.txt", context),
            None,
            [membership.user.email],
        )
    except (SMTPException, OSError):
        return False
    return True
