"""Who may follow a stream: each kind of stream has one function that answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Authoriser = Callable[[Any, str], bool]

_authorisers: dict[str, Authoriser] = {}


def authorise(kind: str, function: Authoriser) -> None:
    """Ask `function(user, stream_id)` from now on whether a signed-in user may follow `<kind>:<stream_id>`.

    It may query the database. `stream_id` is whatever a client sent after the colon, "" when there is none.
    """
    _authorisers[kind] = function


def may_follow(user: Any, stream: str) -> bool:
    """Tell whether the user may follow the stream; nobody may when no function answers for its kind."""
    kind, _, stream_id = stream.partition(":")
    authoriser = _authorisers.get(kind)
    return authoriser is not None and authoriser(user, stream_id)


def is_own_stream(user: Any, stream_id: str) -> bool:
    """Tell whether `user:<stream_id>` is the user's own."""
    return stream_id == str(user.pk)


authorise("user", is_own_stream)
