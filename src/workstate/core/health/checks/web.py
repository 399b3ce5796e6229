"""Whether the web answers and can open the connections that pages stay live through."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin

from workstate.core.health.findings import Finding, Level
from workstate.core.health.registry import Context, check

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "websocket"
PATH = "/ws/live/"
DEFAULT_ADDRESS = "http://localhost:8000"
HANDSHAKE_SECONDS = 5


@check("web")
def websocket(context: Context) -> Iterator[Finding]:
    """Knock at the live socket without a session: a polite refusal shows that the machinery works."""
    address = context.web_address or DEFAULT_ADDRESS
    try:
        with connect(_socket_address(address), origin=Origin(address), open_timeout=HANDSHAKE_SECONDS, proxy=None):
            status = HTTPStatus.SWITCHING_PROTOCOLS
    except InvalidStatus as error:
        status = HTTPStatus(error.response.status_code)
    except (OSError, InvalidHandshake) as error:
        yield Finding(
            Level.ERROR,
            NAME,
            f"{address} does not answer ({error})",
            "nobody can use the pages",
            "workstate up",
        )
        return
    yield _judge(status, address)


def _socket_address(address: str) -> str:
    parts = urlsplit(address)
    return parts._replace(scheme="wss" if parts.scheme == "https" else "ws", path=PATH).geturl()


def _judge(status: HTTPStatus, address: str) -> Finding:
    if status == HTTPStatus.FORBIDDEN:
        return Finding(Level.OK, NAME, f"{address}{PATH} answers, and refuses strangers")
    if status == HTTPStatus.SWITCHING_PROTOCOLS:
        return Finding(
            Level.ERROR,
            NAME,
            f"{address}{PATH} lets strangers in",
            "anybody could read what happens here",
            "pip install --upgrade workstate",
        )
    return Finding(
        Level.ERROR,
        NAME,
        f"{address}{PATH} answers {status.value} {status.phrase} instead of shaking hands",
        "pages are not live: what one tab does is not seen in another",
        "let your proxy pass the headers Upgrade and Connection, or run `workstate up`",
    )
