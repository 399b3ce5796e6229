"""Each measure and each system runs once with tiny sizes, so that they stay alive. No figure is looked at."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from benchmarks import measures, systems

ROOT = Path(__file__).parents[3]
PACKAGES = ("channels_redis", "dramatiq", "huey", "procrastinate", "rq")

pytestmark = [pytest.mark.redis, pytest.mark.timeout(300)]


@pytest.fixture(autouse=True)
def _everything_that_a_run_needs():
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        _go_without(f"{', '.join(missing)} not installed: pip install -r requirements/dev.txt")
    if shutil.which("redis-server") is None:
        _go_without("redis-server is not installed")


@pytest.mark.parametrize(
    "system",
    [
        pytest.param(name, marks=[pytest.mark.postgresql] * name.endswith(("postgresql", "workstate_full")))
        for name in systems.ALL
    ],
)
def test_every_system_drains_its_queue(system, tmp_path):
    outcome = _run("drain", system, tmp_path)
    assert outcome["medians"]["tasks/s"] > 0


APART = {"audience", "drain", "footprint", "timer_page", "outage"}


@pytest.mark.parametrize("measure", [name for name in measures.ALL if name not in APART])
def test_every_measure_of_systems_answers_with_all_its_figures(measure, tmp_path):
    outcome = _run(measure, "workstate_sqlite", tmp_path)
    assert all(value is not None for value in outcome["medians"].values())


@pytest.mark.parametrize("measure", ["footprint", "timer_page"])
def test_every_measure_of_the_product_answers_with_all_its_figures(measure, tmp_path):
    outcome = _run(measure, "workstate_up", tmp_path)
    assert all(value is not None for value in outcome["medians"].values())


@pytest.mark.postgresql
@pytest.mark.parametrize("measure", ["history", "replay", "small"])
def test_measures_that_ask_the_database_in_its_own_words_are_asked_of_postgresql_too(measure, tmp_path):
    outcome = _run(measure, "workstate_postgresql", tmp_path)
    assert all(value is not None for value in outcome["medians"].values())


@pytest.mark.postgresql
def test_outage_of_redis_is_measured_in_seconds(tmp_path):
    outcome = _run("outage", "workstate_apart", tmp_path)
    assert all(value > 0 for value in outcome["medians"].values())


@pytest.mark.postgresql
@pytest.mark.parametrize("system", measures.ALL["audience"].systems)
def test_every_way_to_an_audience_is_measured(system, tmp_path):
    outcome = _run("audience", system, tmp_path)
    assert all(value is not None for value in outcome["medians"].values())


def _run(measure, system, tmp_path):
    """Run the command as a person would; return what it wrote of this measure and system."""
    written = tmp_path / "figures.json"
    command = [sys.executable, "-m", "benchmarks", measure, "--systems", system, "--quick", "--json", str(written)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    outcome = json.loads(written.read_text())["measures"][measure][system]
    if outcome["skipped"]:
        _go_without(outcome["skipped"])
    return outcome


def _go_without(reason):
    """Skip on a laptop, fail where everything must be there."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
