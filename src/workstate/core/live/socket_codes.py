"""Why a socket was closed; live.js knows these numbers too."""

from __future__ import annotations

from enum import IntEnum


class CloseCode(IntEnum):
    """Those under 4000 are the standard's, the others ours."""

    BINARY_MESSAGE = 1003
    TOO_LONG = 1009
    TRY_AGAIN = 1013
    BAD_MESSAGE = 4400
    SIGNED_OUT = 4401
    FOREIGN_ORIGIN = 4403
    NO_SUCH_ADDRESS = 4404
    TOO_MANY_STREAMS = 4429
