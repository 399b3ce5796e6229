"""What uvicorn is told, however it is started, so that live connections cost little and none can hurt."""

from __future__ import annotations

from typing import Final

WEBSOCKETS: Final = "websockets-sansio"
COMPRESSED: Final = False
"""Compression costs two to three times the memory of an idle socket."""
MESSAGE_LIMIT_BYTES: Final = 131_072
"""What the longest message that is read (`requests.MESSAGE_LIMIT_CHARACTERS`) can take; uvicorn's own is 16 MiB."""


def as_arguments() -> tuple[str, ...]:
    """Return it as arguments of the `uvicorn` command."""
    return (
        *("--ws", WEBSOCKETS),
        *("--ws-per-message-deflate", str(COMPRESSED).lower()),
        *("--ws-max-size", str(MESSAGE_LIMIT_BYTES)),
    )
