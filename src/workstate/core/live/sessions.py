"""What sockets have to know of sessions: told through the log, because a socket may be held by any process.

These events travel in the person's own stream and stop at the server: no client sees them.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.signals import user_logged_out
from django.utils.crypto import salted_hmac

from workstate.core.live.publishing import list_followed, send, stream_of

SESSION_ENDED = "session.ended"
RIGHTS_CHANGED = "rights.changed"
CONTROL_TYPES = frozenset({SESSION_ENDED, RIGHTS_CHANGED})

SALT = "workstate.live.session"


def end_session(user_id: Any, session_key: str) -> None:
    """Close the sockets of a session in every process."""
    _tell(user_id, SESSION_ENDED, {"session": fingerprint(session_key)})


def report_rights_changed(user_id: Any) -> None:
    """Have every socket of a person check its session and its streams again.

    Call it after the change of a password or a role, in the same transaction.
    """
    _tell(user_id, RIGHTS_CHANGED, {})


def fingerprint(session_key: str) -> str:
    """Return what names a session in the log without giving away its key."""
    return salted_hmac(SALT, session_key, algorithm="sha256").hexdigest()


def connect() -> None:
    """Close the sockets of a session when it is logged out."""
    user_logged_out.connect(_end_logged_out, dispatch_uid="workstate.live.sessions")


def _end_logged_out(request: Any, user: Any, **_signal: Any) -> None:
    session_key = getattr(getattr(request, "session", None), "session_key", None)
    if user is not None and session_key is not None:
        end_session(user.pk, session_key)


def _tell(user_id: Any, type_: str, data: dict[str, Any]) -> None:
    if list_followed([stream_of(user_id)]):  # nobody has a connection open on a stream that was never asked for
        send(user_id, type_, data)
