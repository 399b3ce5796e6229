"""`workstate up` as a person runs it: web, worker and scheduler, real ones."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import time
import urllib.request
from typing import TYPE_CHECKING

import psutil
import pytest

from supervised.installation import Installation
from supervised.watching import is_alive
from workbench.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from workbench.processes import Process

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return Installation(tmp_path_factory.mktemp("installation"))


@pytest.fixture(scope="module")
def running(installation: Installation) -> Iterator[Process]:
    """Everything up, with demo data, for all tests of this module."""
    process = installation.up("up", "--demo")
    try:
        installation.wait_ready(process)
        wait_until(lambda: processes_of(installation) == (1, 1), timeout=60)
        yield process
    finally:
        process.stop()


@pytest.fixture
def fresh(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


def processes_of(installation: Installation) -> tuple[int, int]:
    """Return how many workers and schedulers say that they are alive."""
    status = json.loads(installation.run("status", "--json").stdout)
    return len(status["workers"]), len(status["schedulers"])


def sign_in_of(log: str) -> tuple[str, str]:
    [email] = re.findall(r"^  administrator +(\S+)$", log, re.MULTILINE)
    [password] = re.findall(r"^  password +(\S+)  \(shown only this once\)$", log, re.MULTILINE)
    return email, password


def test_address_and_sign_in_are_said_and_true(running: Process, installation: Installation) -> None:
    assert f"Workstate is ready at {installation.address}\n" in running.log()
    email, password = sign_in_of(running.log())
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    page = opener.open(f"{installation.address}/account/sign-in/").read().decode()
    [token] = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    form = urllib.parse.urlencode({"login": email, "password": password, "csrfmiddlewaretoken": token})
    answer = opener.open(f"{installation.address}/account/sign-in/", form.encode())
    assert "/account/sign-in/" not in answer.url


def test_process_and_readiness_answer_without_a_session(running: Process, installation: Installation) -> None:
    for path in ("healthz", "readyz"):
        with urllib.request.urlopen(f"{installation.address}/{path}") as answer:
            assert json.load(answer) == {"status": "ok"}
            assert "no-store" in answer.headers["Cache-Control"]


def test_doctor_finds_everything_well(running: Process, installation: Installation) -> None:
    done = installation.run("doctor", "--json", "--deep", "--patience", "30")
    report = json.loads(done.stdout)
    assert [finding for finding in report["findings"] if finding["level"] != "ok"] == []
    assert {finding["name"] for finding in report["findings"]} == {
        *("versions", "database", "migrations", "worker", "scheduler", "broker"),
        *("queue canary", "retention", "external calls", "websocket", "cache default", "cache reports"),
    }
    assert (report["level"], done.returncode) == ("ok", 0)


def test_status_names_worker_and_scheduler(running: Process, installation: Installation) -> None:
    text = installation.run("status").stdout
    assert "embedded" in text
    assert "celery@" in text
    assert "none is running" not in text


def test_task_runs_on_the_worker(running: Process, installation: Installation) -> None:
    done = installation.manage("test_celery", "--async", "--timeout", "30")
    assert done.returncode == 0, done.stderr
    assert "ran on a worker" in done.stdout


def test_second_start_on_the_same_data_is_refused(running: Process, installation: Installation) -> None:
    done = installation.run("up", "--port", "1")
    assert done.returncode == 2
    assert done.stderr == (
        f"workstate: Workstate already runs on {installation.data} (process {running.pid}, {installation.address}): "
        "stop it first, or choose another directory with --data DIR.\n"
    )


def test_web_that_dies_is_back_and_its_reason_is_said(running: Process, installation: Installation) -> None:
    [web] = [child for child in psutil.Process(running.pid).children() if "uvicorn" in child.cmdline()]
    web.kill()
    wait_until(lambda: "web ended (killed by SIGKILL)" in running.log())
    wait_until(lambda: answers(installation), timeout=60)


def answers(installation: Installation) -> bool:
    try:
        with urllib.request.urlopen(f"{installation.address}/readyz"):
            return True
    except OSError:
        return False


def test_ctrl_c_ends_everything_within_five_seconds_and_the_next_start_is_warm(fresh: Installation) -> None:
    first = fresh.up("first")
    fresh.wait_ready(first)
    email, _ = sign_in_of(first.log())
    assert email == "admin@example.com"
    processes = psutil.Process(first.pid).children(recursive=True)
    interrupted_at = time.monotonic()
    os.kill(first.pid, signal.SIGINT)
    assert first.wait(timeout=10) == 0
    assert time.monotonic() - interrupted_at < 5
    assert not any(is_alive(process.pid) for process in processes)

    second = fresh.up("second")
    fresh.wait_ready(second)
    assert "preparing the database" not in second.log()
    assert "changepassword EMAIL" in second.log()
    assert second.stop() == 0


def test_of_two_starts_at_once_one_runs_and_one_is_refused(fresh: Installation) -> None:
    starts = [fresh.up("one"), fresh.up("two")]
    wait_until(lambda: any(start.returncode is not None for start in starts), timeout=60)
    [refused, going] = sorted(starts, key=lambda start: start.returncode is None)
    assert refused.returncode == 2
    assert "already runs on" in refused.log()
    fresh.wait_ready(going)
    assert going.stop() == 0


def test_taken_port_is_refused_before_anything_starts(fresh: Installation) -> None:
    with socket.create_server(("127.0.0.1", fresh.port)):
        done = fresh.run("up", "--port", str(fresh.port))
    assert done.returncode == 2
    assert re.fullmatch(rf"workstate: Port {fresh.port} on 127\.0\.0\.1 is taken .* --port \d+\.\n", done.stderr)


def test_data_directory_that_cannot_be_written_is_refused(fresh: Installation) -> None:
    (fresh.directory / "file").touch()
    done = fresh.run("up", "--data", str(fresh.directory / "file"))
    assert done.returncode == 2
    assert done.stderr.startswith("workstate: Cannot write to the data directory ")
    assert done.stderr.count("\n") == 1


def test_database_that_is_damaged_is_refused_with_a_way_on(fresh: Installation) -> None:
    fresh.data.mkdir()
    (fresh.data / "workstate.sqlite3").write_bytes(b"a letter, not a database" * 100)
    done = fresh.run("up", "--port", str(fresh.port))
    assert done.returncode == 2
    assert "workstate: file is not a database (`workstate doctor` explains more)" in done.stderr
    assert "Traceback" not in done.stderr
