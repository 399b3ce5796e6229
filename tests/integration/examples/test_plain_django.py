"""The example project, started as its README says, with Workstate installed from the built wheel.

The environment is fresh and holds our wheel alone. Third-party packages are read from the running
environment, which is installed from the lock: the same versions, without installing them once more.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from workbench.processes import Process
from workbench.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[3]
EXAMPLE = REPOSITORY / "examples" / "plain_django"


class Installation:
    """A copy of the example, and the Python that runs it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "plain_django"
        shutil.copytree(EXAMPLE, self.directory, ignore=shutil.ignore_patterns("db.sqlite3*", "__pycache__"))
        self.python = directory / "environment" / "bin" / "python"
        self.environment = {"PATH": "/usr/bin:/bin", "PYTHONUNBUFFERED": "1"}

    def run(self, *arguments: str) -> str:
        """Run the fresh Python to its end and return what it printed."""
        completed = subprocess.run(
            [str(self.python), *arguments],
            cwd=self.directory,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert completed.returncode == 0, completed.stdout + completed.stderr
        return completed.stdout

    def start(self, name: str, *arguments: str) -> Process:
        """Start the fresh Python."""
        return Process(name, [str(self.python), *arguments], environment=self.environment, directory=self.directory)


def pip(*arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *arguments], check=True)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("wheel")
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(directory), str(REPOSITORY))
    (wheel,) = directory.glob("workstate-*.whl")
    return wheel


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, wheel: Path) -> Installation:
    installation = Installation(tmp_path_factory.mktemp("example"))
    environment = installation.python.parents[1]
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    pip("--python", str(installation.python), "install", "--no-deps", "--no-index", str(wheel))
    (site_packages,) = environment.glob("lib/python*/site-packages")
    # A path in a .pth file does not make Python read the .pth files found there: not the one of our editable install.
    (site_packages / "third_party.pth").write_text(sysconfig.get_path("purelib"))
    installation.run("manage.py", "migrate", "--verbosity", "0")
    return installation


@pytest.fixture
def worker(installation: Installation, request: pytest.FixtureRequest) -> Iterator[Process]:
    worker = installation.start(request.node.name, "-m", "celery", "-A", "project", "worker", "--loglevel=info")
    wait_until(lambda: " ready." in worker.log(), timeout=30)
    yield worker
    worker.end_group()


def test_workstate_comes_from_the_wheel(installation: Installation) -> None:
    location = installation.run("-c", "import workstate; print(workstate.__file__)")
    assert Path(location.strip()).is_relative_to(installation.python.parents[1])


def test_task_of_the_example_runs_on_its_worker(installation: Installation, worker: Process) -> None:
    call = "from shop.tasks import add; print(add.delay(2, 3).get(timeout=20))"
    assert installation.run("manage.py", "shell", "-c", call).splitlines()[-1] == "5"
    assert "shop.tasks.add" in worker.log()


def test_order_and_its_confirmation_are_committed_together(installation: Installation, worker: Process) -> None:
    call = "from shop.models import place_order; print(place_order('lamp')[1].get(timeout=20))"
    assert installation.run("manage.py", "shell", "-c", call).splitlines()[-1] == "Order 1 is on its way."


def test_worker_of_the_example_answers_and_ends_cleanly(installation: Installation, worker: Process) -> None:
    (node,) = re.findall(r"(\S+@\S+) ready\.", worker.log())
    ping = installation.run("-m", "celery", "-A", "project", "inspect", "-d", node, "-t", "20", "ping")
    assert "1 node online" in ping
    assert worker.stop() == 0


def test_example_uses_nothing_of_workstate_but_three_settings() -> None:
    lines = [line for path in EXAMPLE.rglob("*.py") for line in path.read_text().splitlines() if "workstate" in line]
    assert sorted(lines) == [
        'CELERY_BROKER_URL = "workstate://"',
        'CELERY_RESULT_BACKEND = "workstate://"',
        'INSTALLED_APPS = ["workstate.core", "shop"]',
    ]


def test_readme_of_the_example_has_ten_lines() -> None:
    assert len((EXAMPLE / "README.md").read_text().splitlines()) == 10
