from __future__ import annotations

import socket
import threading

import pytest

from workstate.cli.supervisor.readiness import web_answers


def answering_once(answer: bytes) -> int:
    """Listen for one connection, answer it, and return the port."""
    listener = socket.create_server(("127.0.0.1", 0))
    port: int = listener.getsockname()[1]

    def answer_once() -> None:
        with listener, listener.accept()[0] as connection:
            connection.recv(1024)
            connection.sendall(answer)

    threading.Thread(target=answer_once).start()
    return port


@pytest.mark.parametrize("status", [b"200 OK", b"302 Found", b"400 Bad Request"])
def test_web_that_answers_is_ready(status: bytes) -> None:
    assert web_answers("127.0.0.1", answering_once(b"HTTP/1.1 " + status + b"\r\n\r\n"))


@pytest.mark.parametrize("answer", [b"HTTP/1.1 500 Internal Server Error\r\n\r\n", b"SSH-2.0\r\n", b"HTTP/1.1", b""])
def test_anything_else_is_not(answer: bytes) -> None:
    assert not web_answers("127.0.0.1", answering_once(answer))


def test_nobody_listening_is_not_ready() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert not web_answers("127.0.0.1", port)


def test_wildcard_is_asked_on_this_machine() -> None:
    assert web_answers("0.0.0.0", answering_once(b"HTTP/1.1 200 OK\r\n\r\n"))
