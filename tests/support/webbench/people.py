"""Makes people in the server's database, asked for on standard input: a line of JSON in, a line of JSON out.

Run as a program with the server's environment. Each person comes with a session, so that tests need not pass
through the sign-in form and its throttles.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workstate.project.settings")
django.setup()

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: E402 - after the set-up
from django.contrib.auth.hashers import PBKDF2PasswordHasher  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402

from workstate.apps.accounts.models import Membership, Organisation, User  # noqa: E402


def answer_requests() -> None:
    """Make a person for each line of standard input."""
    for line in sys.stdin:
        sys.stdout.write(json.dumps(make_person(**json.loads(line))) + "\n")
        sys.stdout.flush()


def make_person(
    *, password: str, role: str, organisation_id: int | None, organisation_name: str, **fields: str
) -> dict[str, Any]:
    """Make a person, their organisation when none is given, and a session; `fields` are the user's."""
    if organisation_id is None:
        organisation_id = Organisation.objects.create(name=organisation_name).pk
    hashed = PBKDF2PasswordHasher().encode(password, "salt", iterations=1)
    user = User.objects.create(password=hashed, **fields)
    Membership.objects.create(organisation_id=organisation_id, user=user, role=role)
    return {"user_id": user.pk, "organisation_id": organisation_id, "session_key": start_session(user)}


def start_session(user: User) -> str:
    """Sign the person in."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = "allauth.account.auth_backends.AuthenticationBackend"
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return str(session.session_key)


if __name__ == "__main__":
    answer_requests()
