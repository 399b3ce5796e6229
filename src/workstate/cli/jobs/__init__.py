"""`workstate jobs`: list and show jobs, replay dead letters, discard and cancel."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from django.db import Error as DatabaseError

from workstate.cli import EXIT_CANNOT
from workstate.cli.errors import CommandError
from workstate.cli.jobs import acts, choosing, showing
from workstate.cli.terminal import current_user
from workstate.core.jobs.errors import WorkstateError

if TYPE_CHECKING:
    from collections.abc import Sequence


def run(arguments: Sequence[str]) -> int:
    """Do what was asked; return 0, 1 when no job was meant or none could be changed, 2 when it cannot be done."""
    options = _parser().parse_args(arguments)
    try:
        exit_code: int = options.act(options)
    except DatabaseError as error:
        return _refuse(f"the database cannot be used: {str(error).strip()} (`workstate doctor` says what to do)")
    except (CommandError, WorkstateError, ValueError) as error:
        return _refuse(str(error))
    return exit_code


def _refuse(message: str) -> int:
    print(f"workstate: {message}", file=sys.stderr)
    return EXIT_CANNOT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="workstate jobs",
        description="List and show jobs, replay dead letters, discard and cancel.",
        epilog="`workstate jobs ACTION --help` explains one of them.",
    )
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    _add_list(actions.add_parser("list", help="list jobs: the dead letters, unless other states are asked for"))
    _add_show(actions.add_parser("show", help="show one job with its arguments, error and all attempts"))
    _add_replay(actions.add_parser("replay", help="let dead letters, or cancelled jobs, run again"))
    _add_discard(actions.add_parser("discard", help="give up waiting jobs, and take dead letters off the list"))
    _add_cancel(actions.add_parser("cancel", help="cancel jobs that wait or run"))
    return parser


def _add_list(parser: argparse.ArgumentParser) -> None:
    choosing.add_filters(parser)
    parser.add_argument("--groups", action="store_true", help="dead letters by their cause, the newest first")
    parser.add_argument("--limit", type=choosing.positive, default=20, metavar="N", help="default: %(default)s")
    parser.add_argument("--after", metavar="POSITION", help="the next page, as the page before says")
    parser.add_argument("--json", action="store_true", help="print one JSON object, for programs")
    parser.set_defaults(act=showing.list_chosen)


def _add_show(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("task_id", metavar="ID")
    parser.add_argument("--json", action="store_true", help="print one JSON object, for programs")
    parser.set_defaults(act=showing.show)


def _add_replay(parser: argparse.ArgumentParser) -> None:
    _add_act(parser, "shown in the job's history")
    parser.add_argument("--rate", type=float, metavar="N", help="so many jobs a second; without it all at once")
    parser.add_argument("--args", metavar="JSON", help="other positional arguments, for one job: a JSON list")
    parser.add_argument("--kwargs", metavar="JSON", help="other keyword arguments, for one job: a JSON object")
    parser.set_defaults(act=acts.replay)


def _add_discard(parser: argparse.ArgumentParser) -> None:
    _add_act(parser, "why; needed")
    parser.set_defaults(act=acts.discard)


def _add_cancel(parser: argparse.ArgumentParser) -> None:
    _add_act(parser, "why; shown with the cancelled job")
    parser.set_defaults(act=acts.cancel)


def _add_act(parser: argparse.ArgumentParser, reason: str) -> None:
    parser.add_argument("task_ids", nargs="*", metavar="ID", help="jobs by their ids; or choose them by the options")
    choosing.add_filters(parser)
    parser.add_argument("--all", action="store_true", help="all of them, when no id and no other option chooses")
    parser.add_argument("--reason", default="", help=reason)
    parser.add_argument("--by", default=current_user(), help="who does it (default: the user of this terminal)")
    parser.add_argument("--dry-run", action="store_true", help="say how many jobs are meant, and change nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask before many jobs are changed")
    parser.add_argument("--json", action="store_true", help="print one JSON object, for programs")
