"""Who may follow a stream: functions of the apps answer, each for its kind of stream."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Authoriser = Callable[[Any, str], bool]

_authorisers: dict[str, list[Authoriser]] = {}


def authorise(kind: str, function: Authoriser) -> None:
    """Ask `function(user, stream_id)` from now on whether a signed-in user may follow `<kind>:<stream_id>`.

    Each app answers for its own: where several answer for one kind, one that says yes is enough. It may query the
    database. `stream_id` is whatever a client sent after the colon, "" when there is none.
    """
    functions = _authorisers.setdefault(kind, [])
    if function not in functions:
        functions.append(function)


def may_follow(user: Any, stream: str) -> bool:
    """Tell whether the user may follow the stream; nobody may when no function answers for its kind."""
    kind, _, stream_id = stream.partition(":")
    return any(function(user, stream_id) for function in _authorisers.get(kind, []))


def is_own_stream(user: Any, stream_id: str) -> bool:
    """Tell whether `user:<stream_id>` is the user's own."""
    return stream_id == str(user.pk)


def is_operator(user: Any, _stream_id: str) -> bool:
    """Tell whether the user operates the whole installation: Django's superusers do."""
    return bool(getattr(user, "is_superuser", False))  # a user model may do without permissions


authorise("user", is_own_stream)
authorise("operations", is_operator)
authorise("job", is_operator)
authorise("batch", is_operator)
