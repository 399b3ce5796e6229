"""What must hold before anything starts: each failure is one line that says what to do."""

from __future__ import annotations

import errno
import socket
import tempfile
from typing import TYPE_CHECKING

from workstate.cli.errors import AddressRefusedError, DataDirectoryError, PortTakenError

if TYPE_CHECKING:
    from pathlib import Path


def require_writable_directory(path: Path) -> None:
    """Make the data directory if it is missing and prove that a file can be written there."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path) as file:
            file.write(b"workstate")
    except OSError as error:
        raise DataDirectoryError(str(path), error.strerror or str(error)) from error


def require_free_port(host: str, port: int) -> None:
    """Prove that the web will be able to listen, by listening there for a moment."""
    try:
        _listen_once(host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTakenError(host, port, _free_port(host)) from error
        raise AddressRefusedError(host, port, error.strerror or str(error)) from error


def _listen_once(host: str, port: int) -> int:
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(1)
        bound_port: int = listener.getsockname()[1]
        return bound_port


def _free_port(host: str) -> int:
    return _listen_once(host, 0)
