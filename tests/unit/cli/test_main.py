from __future__ import annotations

import subprocess
import sys

import pytest

from workstate import cli
from workstate.cli import up
from workstate.cli.supervisor.child import describe_exit


def test_old_python_is_refused_in_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(cli, "OLDEST_PYTHON", (99, 0))
    assert cli.main(["up"]) == 2
    assert capsys.readouterr().err.startswith("Workstate needs Python 3.11 or newer; this is 3.")


def test_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["dance"])
    assert stop.value.code == 2
    assert "'dance'" in capsys.readouterr().err


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["--help"])
    assert stop.value.code == 0
    listing = capsys.readouterr().out
    assert all(command in listing for command in cli.COMMANDS)


def test_reader_that_has_seen_enough_is_no_error() -> None:
    program = (
        "import sys; from workstate import cli; from workstate.cli import up;"
        " up.run = lambda arguments: print('x' * 1_000_000) or 0; sys.exit(cli.main(['up']))"
    )
    command = f'set -o pipefail; "{sys.executable}" -c "{program}" | head -c 1'
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "x", "")


@pytest.mark.parametrize("arguments", [["--port", "0"], ["--port", "65536"], ["--port", "x"], ["--workers", "0"]])
def test_impossible_options_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        cli.main(["up", *arguments])
    assert stop.value.code == 2
    assert arguments[0] in capsys.readouterr().err


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://localhost:8000"),
        ("0.0.0.0", "http://localhost:8000"),
        ("192.0.2.1", "http://192.0.2.1:8000"),
        ("2001:db8::1", "http://[2001:db8::1]:8000"),
    ],
)
def test_address_is_one_that_a_browser_can_open(host: str, address: str) -> None:
    assert up._plan(up._parser().parse_args(["--host", host])).address == address


def test_host_that_others_can_reach_may_be_named_by_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ALLOWED_HOSTS", raising=False)
    plan = up._plan(up._parser().parse_args(["--host", "192.0.2.1"]))
    assert "192.0.2.1" in up._environment(plan)["ALLOWED_HOSTS"].split(",")


def test_exit_is_described_by_code_or_by_signal() -> None:
    assert describe_exit(3) == "exit code 3"
    assert describe_exit(-9) == "killed by SIGKILL"
