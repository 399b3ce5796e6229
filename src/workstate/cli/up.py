"""`workstate up`: start web, worker and scheduler under one supervisor."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dotenv import load_dotenv

from workstate.cli import EXIT_CANNOT, EXIT_INTERRUPTED, EXIT_OK
from workstate.cli.errors import CommandError, PreparationError
from workstate.cli.preflight import require_free_port, require_writable_directory
from workstate.cli.supervisor import programs
from workstate.cli.supervisor.lock import DataDirectoryLock
from workstate.cli.supervisor.loop import Supervisor
from workstate.cli.supervisor.output import Output
from workstate.cli.supervisor.readiness import web_answers
from workstate.cli.terminal import Colour, paint, wants_colour

if TYPE_CHECKING:
    from collections.abc import Sequence

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8000
DEFAULT_WORKERS = 2
HIGHEST_PORT = 65_535
PREPARATION = "workstate.cli.preparation"
ROLE_COLUMNS = len("administrator")
CHANGE_PASSWORD = "-m django changepassword EMAIL --settings workstate.project.settings"  # noqa: S105
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to start, where."""

    host: str
    port: int
    workers: int
    data_dir: Path
    with_demo: bool

    @property
    def address(self) -> str:
        """Where a browser on this machine finds the web."""
        if self.host in LOOPBACK or self.host in {"0.0.0.0", "::"}:  # noqa: S104  compared with, not bound to
            return f"http://localhost:{self.port}"
        return f"http://[{self.host}]:{self.port}" if ":" in self.host else f"http://{self.host}:{self.port}"


def run(arguments: Sequence[str]) -> int:
    """Start everything and keep it running until Ctrl-C or SIGTERM."""
    load_dotenv(Path.cwd() / ".env")
    plan = _plan(_parser().parse_args(arguments))
    try:
        require_writable_directory(plan.data_dir)
        with DataDirectoryLock(plan.data_dir, plan.address):
            require_free_port(plan.host, plan.port)
            environment = _environment(plan)
            _supervise(plan, environment, _prepare(plan, environment))
    except CommandError as error:
        print(f"workstate: {error}", file=sys.stderr)
        return EXIT_CANNOT
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    return EXIT_OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="workstate up",
        description="Start web, worker and scheduler under one supervisor. Ctrl-C ends all of them.",
    )
    parser.add_argument("--demo", action="store_true", help="load people and time entries to play with")
    parser.add_argument("--host", default=DEFAULT_HOST, help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=_port, default=DEFAULT_PORT, help="port to listen on (default: %(default)s)")
    parser.add_argument(
        "--workers",
        type=_positive,
        default=DEFAULT_WORKERS,
        metavar="N",
        help="tasks that run at the same time (default: %(default)s)",
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="directory of the database, files and keys (default: $WORKSTATE_DATA or var)",
    )
    return parser


def _port(text: str) -> int:
    port = int(text)
    if not 0 < port <= HIGHEST_PORT:
        raise argparse.ArgumentTypeError(f"{text} is not a port: it must be between 1 and {HIGHEST_PORT}")
    return port


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1 is needed")
    return number


def _plan(options: argparse.Namespace) -> Plan:
    return Plan(
        host=options.host,
        port=options.port,
        workers=options.workers,
        data_dir=(options.data or Path(os.environ.get("WORKSTATE_DATA") or "var")).resolve(),
        with_demo=options.demo,
    )


def _environment(plan: Plan) -> dict[str, str]:
    """Return the environment of all children."""
    environment = {
        **os.environ,
        "WORKSTATE_DATA": str(plan.data_dir),
        "PYTHONUNBUFFERED": "1",  # lines appear when they are written
    }
    environment.setdefault("MALLOC_ARENA_MAX", "2")  # threads share arenas: less memory on Linux
    if plan.host not in LOOPBACK:
        names = {"localhost", "127.0.0.1", "[::1]", plan.host, socket.gethostname()}
        environment.setdefault("ALLOWED_HOSTS", ",".join(sorted(names)))
    return environment


def _prepare(plan: Plan, environment: dict[str, str]) -> dict[str, Any]:
    """Make the database ready in a process of its own, and return who may sign in.

    Its own process, because Django would stay in the supervisor's memory for good.
    """
    program = programs.module_program("preparation", PREPARATION, *(["--demo"] if plan.with_demo else []))
    with subprocess.Popen(  # noqa: S603  our own command, no shell
        program.command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0
    ) as process:
        assert process.stdout
        answer = process.stdout.read()
    if process.returncode != EXIT_OK:
        raise PreparationError("the database could not be made ready; the lines above say why.")
    sign_in: dict[str, Any] = json.loads(answer)
    return sign_in


def _supervise(plan: Plan, environment: dict[str, str], sign_in: dict[str, Any]) -> None:
    started = [programs.web(plan.host, plan.port), programs.worker(plan.workers), programs.scheduler()]
    output = Output([program.name for program in started], sys.stdout)
    supervisor = Supervisor(
        started,
        environment=environment,
        output=output,
        is_ready=lambda: web_answers(plan.host, plan.port),
        announce=lambda: output.write(_welcome(plan, sign_in)),
    )
    try:
        supervisor.run()
    finally:
        if sign_in["password"] and not supervisor.was_ready:  # nobody could learn it later
            output.write("\n".join(_sign_in_lines(plan, sign_in)))


def _welcome(plan: Plan, sign_in: dict[str, Any]) -> str:
    address = paint(plan.address, Colour.BOLD, colourful=wants_colour(sys.stdout))
    lines = ["", f"Workstate is ready at {address}", "", *_sign_in_lines(plan, sign_in)]
    return "\n".join([*lines, "", "Ctrl-C stops everything.", ""])


def _sign_in_lines(plan: Plan, sign_in: dict[str, Any]) -> list[str]:
    lines = [f"  {role:<{ROLE_COLUMNS}}  {email}" for role, email in sign_in["people"]]
    if sign_in["password"]:
        return [*lines, f"  {'password':<{ROLE_COLUMNS}}  {sign_in['password']}  (shown only this once)"]
    command = f"WORKSTATE_DATA={shlex.quote(str(plan.data_dir))} {shlex.quote(sys.executable)} {CHANGE_PASSWORD}"
    return [*lines, "  The password was shown at the first start. To set a new one:", f"  $ {command}"]
