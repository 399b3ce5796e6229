"""`workstate doctor` where nothing runs or nothing can be opened."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from supervised.installation import Installation
from workstate.cli.terminal import COLUMNS

if TYPE_CHECKING:
    from pathlib import Path

FIELDS = {"level", "name", "what", "why", "command"}
LEVELS = ["ok", "warning", "error"]


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


def test_database_without_tables_is_an_error_and_exit_code_2(installation: Installation) -> None:
    done = installation.run("doctor", "--json", "--only", "migrations")
    report = json.loads(done.stdout)
    assert (done.returncode, report["level"]) == (2, "error")
    assert all(set(finding) == FIELDS and finding["level"] in LEVELS for finding in report["findings"])


def test_one_tag_alone_can_be_well(installation: Installation) -> None:
    done = installation.run("doctor", "--only", "versions")
    assert done.returncode == 0
    assert done.stdout.startswith("ok       versions: Python 3.")
    assert done.stdout.endswith("\nAll is well.\n")


def test_database_that_cannot_be_opened_is_explained_for_every_check(installation: Installation) -> None:
    installation.data.mkdir()
    (installation.data / "workstate.sqlite3").mkdir()
    done = installation.run("doctor", "--only", "database", "--only", "worker", "--only", "scheduler")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr + done.stdout
    assert "cannot be opened" in done.stdout
    assert "Why it matters: nothing can be saved" in done.stdout
    assert "  $ ls -ld " in done.stdout


def test_words_fit_eighty_columns(installation: Installation) -> None:
    done = installation.run("doctor")
    words = [line for line in done.stdout.splitlines() if "$" not in line and str(installation.data) not in line]
    assert max(map(len, words)) <= COLUMNS


def test_unknown_tag_is_refused_with_the_known_ones(installation: Installation) -> None:
    done = installation.run("doctor", "--only", "weather")
    assert done.returncode == 2
    assert "'database'" in done.stderr


def test_setting_that_cannot_be_read_is_said_in_one_line(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMTP_PORT", "twenty-five")
    done = installation.run("doctor")
    assert (done.returncode, done.stderr) == (2, "SMTP_PORT must be a number, not 'twenty-five'.\n")
