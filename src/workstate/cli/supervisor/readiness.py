"""Asks the web whether it answers, with nothing but a socket."""

from __future__ import annotations

import re
import socket

PROBE_SECONDS = 1.0
HEALTHY_STATUS = re.compile(rb"HTTP/1\.[01] [1-4]\d\d ")
WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  compared with, not bound to


def web_answers(host: str, port: int) -> bool:
    """Whether an HTTP response that is not a server error comes back within a second."""
    address = (WILDCARDS.get(host, host), port)
    try:
        with socket.create_connection(address, timeout=PROBE_SECONDS) as connection:
            connection.sendall(b"GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n")
            status_line = connection.recv(64)
    except OSError:
        return False
    return HEALTHY_STATUS.match(status_line) is not None
