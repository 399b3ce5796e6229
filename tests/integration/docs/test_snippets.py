"""Snippets do what the pages say: those marked `run` are run, the others compiled."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from documents import REPOSITORY, Fence, all_fences
from webbench.server import LEFT_OUT

PYTHON = all_fences("python")
COMMANDS = [(fence, line) for fence in all_fences("sh") if fence.is_run for line in fence.text.splitlines()]


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a reader's terminal has: our programs in the path, and data of its own with all tables."""
    environment = {name: value for name, value in os.environ.items() if name not in LEFT_OUT}
    environment["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), environment["PATH"]])
    environment["WORKSTATE_DATA"] = str(tmp_path_factory.mktemp("data"))
    run("python manage.py migrate --verbosity 0", environment)
    return environment


def run(command: str, environment: dict[str, str]) -> None:
    done = subprocess.run(
        command, shell=True, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("fence", PYTHON, ids=str)
def test_python_compiles(fence: Fence):
    compile(fence.text, str(fence), "exec")


@pytest.mark.django_db
@pytest.mark.parametrize("fence", [fence for fence in PYTHON if fence.is_run], ids=str)
def test_python_that_is_marked_runs(fence: Fence):
    exec(compile(fence.text, str(fence), "exec"), {"__name__": "documentation"})


@pytest.mark.parametrize(("fence", "command"), COMMANDS, ids=str)
def test_commands_that_are_marked_succeed(fence: Fence, command: str, environment: dict[str, str]):
    run(command, environment)
