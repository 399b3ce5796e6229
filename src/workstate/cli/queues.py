"""`workstate queues`: pause and resume queues, and list those that are paused."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from django.db import Error as DatabaseError
from django.utils import timezone

from workstate.cli import EXIT_CANNOT, EXIT_OK
from workstate.cli.status import pause_line
from workstate.cli.terminal import current_user
from workstate.core.jobs.pauses import list_paused_queues, pause_queue, resume_queue

if TYPE_CHECKING:
    from collections.abc import Sequence


def run(arguments: Sequence[str]) -> int:
    """Do what was asked; return 0, or 2 when the database cannot be used."""
    options = _parser().parse_args(arguments)
    try:
        print(options.act(options))
    except DatabaseError as error:
        print(
            f"workstate: the database cannot be used: {str(error).strip()} (`workstate doctor` says what to do)",
            file=sys.stderr,
        )
        return EXIT_CANNOT
    return EXIT_OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="workstate queues", description="Pause and resume queues.")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    pause = actions.add_parser("pause", help="let nothing more be claimed from a queue; what runs goes on")
    pause.add_argument("queue")
    pause.add_argument("--reason", default="", help="shown to those who wonder why it stands still")
    pause.set_defaults(act=_pause)
    resume = actions.add_parser("resume", help="let workers claim from a queue again")
    resume.add_argument("queue")
    resume.set_defaults(act=_resume)
    for action in (pause, resume):
        action.add_argument("--by", default=current_user(), help="who does it; the user of this terminal")
    actions.add_parser("list", help="list the paused queues").set_defaults(act=_list)
    return parser


def _pause(options: argparse.Namespace) -> str:
    return pause_line(pause_queue(queue=options.queue, by=options.by, reason=options.reason), timezone.now())


def _resume(options: argparse.Namespace) -> str:
    was_paused = resume_queue(queue=options.queue, by=options.by)
    return f"{options.queue} is resumed" if was_paused else f"{options.queue} was not paused"


def _list(options: argparse.Namespace) -> str:
    now = timezone.now()
    return "\n".join(pause_line(pause, now) for pause in list_paused_queues()) or "no queue is paused"
