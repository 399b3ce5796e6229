"""Why a live connection was refused or ended; live.js knows these numbers too."""

from __future__ import annotations

from enum import IntEnum


class CloseCode(IntEnum):
    """Those under 4000 are the standard's, the others ours."""

    BINARY_MESSAGE = 1003
    TOO_LONG = 1009
    RESTARTING = 1012
    TRY_AGAIN = 1013
    BAD_MESSAGE = 4400
    SIGNED_OUT = 4401
    FOREIGN_ORIGIN = 4403
    NO_SUCH_ADDRESS = 4404
    TOO_MANY_STREAMS = 4429
    TOO_MANY_MESSAGES = 4430
    TOO_MANY_CONNECTIONS = 4431


class RefusedError(Exception):
    """A live connection has to end, or does not begin; `code` says why."""

    def __init__(self, code: CloseCode) -> None:
        super().__init__(code.name)
        self.code = code
