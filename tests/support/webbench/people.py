"""Makes people and events in the server's database, asked for on standard input: JSON lines in, JSON lines out.

Run as a program with the server's environment, because starting Django for each would take seconds. Each person comes
with a session, so that tests need not pass through the sign-in form and its throttles.
"""

from __future__ import annotations

import json
import os
import sys
from types import SimpleNamespace
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workstate.project.settings")
django.setup()

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, logout  # noqa: E402 - after the set-up
from django.contrib.auth.hashers import PBKDF2PasswordHasher  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.db import transaction  # noqa: E402

from workstate.apps.accounts.models import Membership, Organisation, User  # noqa: E402
from workstate.core import live  # noqa: E402
from workstate.core.live.models import Stream  # noqa: E402


def answer_requests() -> None:
    """Do what each line of standard input asks for: `{"<name of the deed>": {<its arguments>}}`."""
    for line in sys.stdin:
        [(deed, arguments)] = json.loads(line).items()
        sys.stdout.write(json.dumps(DEEDS[deed](**arguments)) + "\n")
        sys.stdout.flush()


def publish(*, stream: str, types: list[str]) -> None:
    """Publish an event of each type, each in a transaction of its own."""
    for event_type in types:
        with transaction.atomic():
            live.publish(stream, event_type, {"of": event_type})


def sign_out(*, user_id: int, session_key: str) -> None:
    """End the person's session as the sign-out form does."""
    logout(SimpleNamespace(user=User.objects.get(pk=user_id), session=SessionStore(session_key)))


def forget_history() -> None:
    """Begin every stream anew, as a restored backup would."""
    Stream.objects.update(epoch="other")


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


DEEDS = {
    "make_person": make_person,
    "publish": publish,
    "sign_out": sign_out,
    "forget_history": forget_history,
}

if __name__ == "__main__":
    answer_requests()
