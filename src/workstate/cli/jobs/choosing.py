"""Which jobs a command means: options, what they come to, and a question before many are changed."""

from __future__ import annotations

import argparse
import difflib
import sys
from datetime import datetime, timedelta

from celery import current_app
from django.utils import timezone

from workstate.cli.errors import CommandError
from workstate.core.jobs.filters import JobFilter
from workstate.core.jobs.states import State

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class NothingChosenError(CommandError):
    """Nothing says which jobs are meant: name ids, choose by options, or say --all."""

    def __init__(self) -> None:
        super().__init__(str(self.__doc__))


class UnconfirmedError(CommandError):
    """Nobody can be asked here."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count:,} jobs are meant and nobody can be asked here: add --yes, or --dry-run to look.")


def add_filters(parser: argparse.ArgumentParser) -> None:
    """Let jobs be chosen by what is known of them."""
    chosen = parser.add_argument_group("which jobs")
    chosen.add_argument("--task", default="", help="of this task, by its full name")
    chosen.add_argument("--queue", default="", help="of this queue")
    chosen.add_argument(
        "--state", action="append", choices=[state.value for state in State], default=[], help="may be repeated"
    )
    chosen.add_argument("--error", default="", metavar="TYPE", help="that failed with this error, such as ValueError")
    chosen.add_argument("--cause", default="", metavar="FINGERPRINT", help="of one cause, as `list --groups` shows it")
    chosen.add_argument("--text", default="", help="with this in the error, the reason or the arguments")
    chosen.add_argument("--since", type=moment, metavar="WHEN", help="not before: 2026-12-31T18:00, or 2h, 7d ago")
    chosen.add_argument("--until", type=moment, metavar="WHEN", help="before")


def moment(text: str) -> datetime:
    """Return a moment: as written in ISO 8601, or so long ago."""
    if text[-1:] in UNITS and text[:-1].isdecimal():
        return _ago(int(text[:-1]), UNITS[text[-1]], text)
    try:
        written = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} is no time: write 2026-12-31T18:00, or 2h, 7d ago") from error
    return written if timezone.is_aware(written) else timezone.make_aware(written)


def _ago(number: int, unit: str, text: str) -> datetime:
    try:
        return timezone.now() - timedelta(**{unit: number})
    except OverflowError as error:
        raise argparse.ArgumentTypeError(f"{text} ago there were no jobs yet") from error


def positive(text: str) -> int:
    """Return a whole number above 0."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1 is needed")
    return number


def chosen(options: argparse.Namespace, default_states: frozenset[State] = frozenset()) -> JobFilter:
    """Return what the options mean: dead letters when neither ids nor states are given and there is no default."""
    task_ids = tuple(getattr(options, "task_ids", ()))
    states = frozenset(State(state) for state in options.state) or (frozenset() if task_ids else default_states)
    return JobFilter(
        task_ids=task_ids,
        dead_letters=not task_ids and not states,
        states=states,
        task=options.task,
        queue=options.queue,
        error_type=options.error,
        fingerprint=options.cause,
        text=options.text,
        since=options.since,
        until=options.until,
    )


def require_choice(options: argparse.Namespace) -> None:
    """Refuse a command that would change every job because nothing was said.

    Raises NothingChosenError.
    """
    says = (options.task_ids, options.task, options.queue, options.state, options.error, options.cause, options.text)
    if not (options.all or any(says) or options.since or options.until):
        raise NothingChosenError


def is_confirmed(options: argparse.Namespace, verb: str, count: int) -> bool:
    """Ask before many jobs are changed; True when that is wanted, or when they were named one by one.

    Raises UnconfirmedError where nobody can answer.
    """
    if options.yes or count <= len(options.task_ids):
        return True
    if not sys.stdin.isatty():
        raise UnconfirmedError(count)
    return input(f"{verb} {count:,} jobs? [y/N] ").strip().lower() in {"y", "yes"}


def none_found(options: argparse.Namespace) -> str:
    """Return what to say when no job is meant."""
    close = difflib.get_close_matches(options.task, list(current_app.tasks), 1) if options.task else []
    if close and close[0] != options.task:
        return f"no such job; did you mean --task {close[0]}?"
    return "no such job"
