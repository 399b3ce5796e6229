"""The `workstate` command; one module for each sub-command.

`up` must stay small in memory, so a module is imported only when its command was asked
for, and Django only for those that read the database.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_OK = 0
EXIT_CANNOT = 2
EXIT_INTERRUPTED = 130
OLDEST_PYTHON = (3, 11)

COMMANDS = {
    "up": "start web, worker and scheduler under one supervisor",
    "doctor": "check the whole set-up and say how to mend what is wrong",
    "external": "list external calls, and say what became of an ambiguous one",
    "jobs": "list and show jobs, replay dead letters, discard and cancel",
    "prune": "remove history whose time is over, or count it",
    "queues": "pause and resume queues, and list those that are paused",
    "schedules": "list schedules with their next, last and missed runs; run, pause and resume them",
    "status": "show mode, queues, workers, schedules and dead letters",
}
COMMANDS_WITH_DJANGO = frozenset({"doctor", "external", "jobs", "prune", "queues", "schedules", "status"})


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one sub-command and return its exit code."""
    if sys.version_info < OLDEST_PYTHON:
        return _refuse(f"Workstate needs Python 3.11 or newer; this is {sys.version.split()[0]}.")
    options = _parser().parse_args(arguments)
    if options.command in COMMANDS_WITH_DJANGO:
        problem = _set_up_django()
        if problem:
            return _refuse(problem)
    module = importlib.import_module(f"workstate.cli.{options.command}")
    try:
        exit_code: int = module.run(options.arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever read our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    return exit_code


def _parser() -> argparse.ArgumentParser:
    width = max(map(len, COMMANDS))
    listing = "\n".join(f"  {name:<{width}}  {summary}" for name, summary in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="workstate",
        description="Time tracking, tickets and durable background work.",
        epilog=f"commands:\n{listing}\n\n`workstate COMMAND --help` explains one of them.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="what to do")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, metavar="...", help="its options")
    return parser


def _set_up_django() -> str | None:
    """Load the settings and the apps; return what stands in the way, if anything does."""
    import django
    from django.core.exceptions import ImproperlyConfigured

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workstate.project.settings")
    try:
        django.setup()
    except ImproperlyConfigured as error:
        return str(error)
    return None


def _refuse(message: str) -> int:
    print(message, file=sys.stderr)
    return EXIT_CANNOT
