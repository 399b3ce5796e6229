"""The supervisor with small programs as its children."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from supervised.watching import is_alive, pids_in, start_supervisor
from workbench.processes import Process
from workbench.waiting import wait_until

if TYPE_CHECKING:
    from pathlib import Path

Supervise = Callable[..., Process]


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Supervise]:
    with ExitStack() as stack:

        def start(**modules: str) -> Process:
            process = start_supervisor(tmp_path, **modules)
            stack.callback(process.end_group)
            return process

        yield start


def test_child_output_stands_behind_its_name(supervise: Supervise) -> None:
    process = supervise(web="sleeper", scheduler="sleeper")
    pids_in(process, 2)
    assert re.search(r"^web       \| pid \d+$", process.log(), re.MULTILINE)
    assert re.search(r"^scheduler \| pid \d+$", process.log(), re.MULTILINE)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_ends_everything_cleanly(supervise: Supervise, number: signal.Signals) -> None:
    process = supervise(web="sleeper", worker="forker")
    pids = pids_in(process, 4)
    process.send(number)
    assert process.wait(timeout=5) == 0
    assert process.log().endswith("everything has ended\n")
    assert not any(is_alive(pid) for pid in pids)


def test_child_that_ignores_requests_is_killed_within_five_seconds(supervise: Supervise) -> None:
    process = supervise(web="stubborn")
    [pid] = pids_in(process, 1)
    asked_at = time.monotonic()
    process.send(signal.SIGTERM)
    assert process.wait(timeout=6) == 0
    assert time.monotonic() - asked_at < 5
    assert not is_alive(pid)


def test_killed_child_is_started_again_and_the_reason_is_said(supervise: Supervise) -> None:
    process = supervise(web="sleeper", worker="sleeper")
    pids = pids_in(process, 2)
    os.kill(pids[0], signal.SIGKILL)
    pids_in(process, 3)
    assert "ended (killed by SIGKILL); starting it again in 0.5 s" in process.log()


def test_child_that_keeps_failing_is_started_later_and_later(supervise: Supervise) -> None:
    process = supervise(web="failing")
    wait_until(lambda: "again in 2 s" in process.log())
    delays = re.findall(r"web ended \(exit code 3\); starting it again in (\S+) s", process.log())
    assert delays == ["0.5", "1", "2"]
    assert "web       | cannot\n" in process.log()


def test_pool_of_a_killed_child_goes_before_its_successor_starts(supervise: Supervise) -> None:
    process = supervise(worker="forker")
    former = pids_in(process, 3)
    parent = int(re.search(r"parent (\d+)", process.log())[1])
    os.kill(parent, signal.SIGKILL)
    pids_in(process, 6)
    assert not any(is_alive(pid) for pid in former)


def test_supervisor_keeps_django_out_of_its_memory() -> None:
    code = "import sys, workstate.cli.up; sys.exit('django' in sys.modules or 'celery' in sys.modules)"
    assert os.spawnl(os.P_WAIT, sys.executable, sys.executable, "-c", code) == 0
