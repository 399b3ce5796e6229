"""The Makefile: which Python it takes, and when it installs."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TOOLS = ("sh", "rm", "env", "awk")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What make reads of this repository."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    return tmp_path


def make(checkout: Path, *arguments: str, path: str) -> subprocess.CompletedProcess[str]:
    """Run make in an environment with nothing but HOME and PATH."""
    program = shutil.which("make")
    assert program
    return subprocess.run(
        [program, *arguments],
        cwd=checkout,
        env={"HOME": str(checkout), "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def path_with_python(directory: Path, script: str | None) -> str:
    """Return a PATH with the tools that make needs, and a Python that is this script, if any."""
    directory.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found
        (directory / tool).symlink_to(found)
    if script:
        python = directory / "python3"
        python.write_text(f"#!/bin/sh\n{script}\n")
        python.chmod(0o755)
    return str(directory)


def test_old_python_is_refused_in_one_clear_line(checkout: Path, tmp_path: Path) -> None:
    path = path_with_python(tmp_path / "bin", 'case "$1" in --version) echo "Python 3.9.2";; *) exit 1;; esac')
    done = make(checkout, "run", path=path)
    assert done.returncode == 2
    first_line = done.stderr.splitlines()[0]
    assert first_line.startswith("Workstate needs Python 3.11 or newer with pip, and found Python 3.9.2: install one")
    assert not (checkout / ".venv").exists()


def test_missing_python_is_refused_as_well(checkout: Path, tmp_path: Path) -> None:
    done = make(checkout, "test", path=path_with_python(tmp_path / "bin", None))
    assert done.returncode == 2
    assert "and found " in done.stderr.splitlines()[0]


def test_help_names_every_target(checkout: Path) -> None:
    done = make(checkout, path=os.environ["PATH"])
    assert done.returncode == 0
    for target in ("run", "test", "check", "bench", "lock"):
        assert f"make {target} " in done.stdout


def test_nothing_is_installed_again_until_a_lock_changes(checkout: Path) -> None:
    stamp = checkout / ".venv" / ".installed-run"
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").touch()
    stamp.touch()
    assert make(checkout, "--question", str(stamp.relative_to(checkout)), path=os.environ["PATH"]).returncode == 0
    later = time.time() + 10
    os.utime(checkout / "requirements" / "run.txt", (later, later))
    assert make(checkout, "--question", str(stamp.relative_to(checkout)), path=os.environ["PATH"]).returncode == 1
