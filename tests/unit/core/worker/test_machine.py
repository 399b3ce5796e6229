from __future__ import annotations

import os
import subprocess
import sys

import pytest

from workstate.core.worker import machine
from workstate.core.worker.machine import is_alive, process_start, this_machine

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's")


@pytest.fixture
def child():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield child
    child.stdin.close()
    child.wait()


def end_unreaped(child):
    """Let the child end and stay a zombie."""
    child.stdin.close()
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)


def test_own_process_lives():
    assert is_alive(os.getpid(), process_start(os.getpid()))


def test_running_child_lives(child):
    assert is_alive(child.pid, process_start(child.pid))


def test_zombie_is_not_alive(child):
    started = process_start(child.pid)
    end_unreaped(child)
    assert process_start(child.pid) == ""
    assert not is_alive(child.pid, started)


def test_finished_child_is_not_alive(child):
    started = process_start(child.pid)
    child.communicate(b"\n")
    assert not is_alive(child.pid, started)


def test_later_process_of_the_same_pid_is_another():
    assert not is_alive(os.getpid(), "1")


def test_name_of_a_program_may_hold_anything(tmp_path):
    program = tmp_path / "a) R 1 (b"
    program.symlink_to("/bin/sleep")
    child = subprocess.Popen([program, "60"])
    try:
        assert int(process_start(child.pid)) > int(process_start(1))
    finally:
        child.kill()
        child.wait()


def test_machine_is_the_same_for_all_its_processes():
    code = "from workstate.core.worker.machine import this_machine; print(this_machine())"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert other == this_machine()


def test_without_proc_nobody_is_judged_by_its_pid(tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "PROC", tmp_path)
    assert str(os.getpid()) in this_machine.__wrapped__()
    assert process_start(os.getpid()) == ""
    assert is_alive(os.getpid(), "")
