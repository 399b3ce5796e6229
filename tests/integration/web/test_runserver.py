"""`manage.py runserver` serves pages and their sockets."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path

import pytest

from workbench.waiting import wait_until

MANAGE = Path(__file__).parents[3] / "manage.py"
HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "x3JJHMbDL1EzLkh9GBhXDw==",
}


@pytest.fixture
def port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def runserver(tmp_path, port):
    environment = {
        **{name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"},
        "WORKSTATE_DATA": str(tmp_path / "var"),
    }
    subprocess.run([sys.executable, MANAGE, "migrate", "-v", "0"], env=environment, check=True)
    command = [sys.executable, MANAGE, "runserver", "--noreload", str(port)]
    server = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    yield server
    server.send_signal(signal.SIGINT)
    server.communicate(timeout=10)


def status_of(port, path, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with closing(connection), suppress(ConnectionError):
        connection.request("GET", path, headers=headers or {})
        return connection.getresponse().status
    return None


def test_runserver_serves_pages_and_sockets(runserver, port):
    wait_until(lambda: status_of(port, "/healthz") == 200, timeout=20)
    origin = {"Origin": f"http://127.0.0.1:{port}"}
    assert status_of(port, "/ws/timer/", {**HANDSHAKE, **origin}) == 403  # there, and refused without a session
