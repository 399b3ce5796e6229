"""`workstate schedules`: list schedules, show one with its next, last and missed runs, run, pause and resume it."""

from __future__ import annotations

import argparse
import json
import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import Error as DatabaseError
from django.utils import timezone

from workstate.cli import EXIT_CANNOT, EXIT_OK
from workstate.cli.status import pause_words
from workstate.cli.terminal import current_user, table
from workstate.core.schedules import selectors, services
from workstate.core.schedules.catch_up import PUNCTUAL
from workstate.core.schedules.errors import ScheduleError
from workstate.core.schedules.models import ScheduleRun

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workstate.core.schedules.models import Schedule

MISSED_DAYS = 7
RUNS_SHOWN = 10


def run(arguments: Sequence[str]) -> int:
    """Do what was asked; return 0, or 2 when it cannot be done, with one line that says why."""
    options = _parser().parse_args(arguments)
    try:
        print(options.act(options))
    except ScheduleError as error:
        print(f"workstate: {error}", file=sys.stderr)
    except DatabaseError as error:
        print(
            f"workstate: the database cannot be used: {str(error).strip()} (`workstate doctor` says what to do)",
            file=sys.stderr,
        )
    else:
        return EXIT_OK
    return EXIT_CANNOT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="workstate schedules", description="Look at schedules and steer them.")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="list all schedules, the next one first")
    listing.set_defaults(act=_list)
    for name, act, summary in (
        ("show", _show, "show a schedule with its next runs and what became of the last ones"),
        ("run", _run, "enqueue a schedule's task now, beside its due times"),
        ("pause", _pause, "switch a schedule off; what it enqueued goes on"),
        ("resume", _resume, "switch a schedule on again, from its next due time on"),
    ):
        action = actions.add_parser(name, help=summary)
        action.add_argument("name", help="the schedule's name")
        action.set_defaults(act=act)
        if name == "show":
            action.add_argument("--json", action="store_true", help="print one JSON object, for programs")
        if name in {"pause", "resume"}:
            action.add_argument("--by", default=current_user(), help="who does it; the user of this terminal")
        if name == "pause":
            action.add_argument("--reason", default="", help="shown to those who wonder why it does not run")
    listing.add_argument("--json", action="store_true", help="print one JSON list, for programs")
    return parser


def _list(options: argparse.Namespace) -> str:
    schedules = selectors.list_all_schedules()
    missed = selectors.count_missed_runs(since=timezone.now() - timedelta(days=MISSED_DAYS))
    if options.json:
        return _as_json([_described(schedule, missed.get(schedule.pk, 0)) for schedule in schedules])
    if not schedules:
        return "there are no schedules"
    rows = [
        (
            schedule.name,
            _moment(schedule, schedule.next_run_at),
            _moment(schedule, schedule.last_run_at),
            str(missed.get(schedule.pk, "")),
            _standing(schedule),
        )
        for schedule in schedules
    ]
    return table(("schedule", "next", "last", f"missed, {MISSED_DAYS} days", ""), rows, figures=(3,))


def _show(options: argparse.Namespace) -> str:
    schedule = selectors.get_schedule(options.name)
    runs = selectors.list_last_runs(schedule, RUNS_SHOWN)
    missed = selectors.count_missed_runs(since=timezone.now() - timedelta(days=MISSED_DAYS))
    description = _described(schedule, missed.get(schedule.pk, 0))
    if options.json:
        return _as_json(description | {"next_runs": _next_runs(schedule), "last_runs": list(map(_described_run, runs))})
    lines = [f"{name.replace('_', ' ')}: {value}" for name, value in description.items() if value not in {None, ""}]
    lines += ["", "next runs", *(f"  {_moment(schedule, moment)}" for moment in _next_runs(schedule))]
    lines += ["", "last runs", *(f"  {_run_line(schedule, run)}" for run in runs)]
    return "\n".join(lines)


def _run(options: argparse.Namespace) -> str:
    run = services.run_now(selectors.get_schedule(options.name))
    if run.outcome == ScheduleRun.Outcome.DUPLICATE:
        return f"{options.name} is not enqueued: its task is unique, and job {run.task_id} holds the key"
    return f"{options.name} is enqueued as {run.task_id}"


def _pause(options: argparse.Namespace) -> str:
    schedule = selectors.get_schedule(options.name)
    return f"{options.name} is {_standing(services.pause_schedule(schedule, by=options.by, reason=options.reason))}"


def _resume(options: argparse.Namespace) -> str:
    schedule = services.resume_schedule(selectors.get_schedule(options.name), by=options.by)
    return f"{options.name} is resumed, next run {_moment(schedule, schedule.next_run_at)}"


def _standing(schedule: Schedule) -> str:
    """Say in words what keeps a schedule from running, if anything does."""
    if schedule.paused_at is not None:
        return pause_words(schedule.paused_by, schedule.paused_at, schedule.pause_reason, timezone.now())
    if not schedule.is_enabled:
        return "switched off"
    if schedule.problem:
        return schedule.problem
    if schedule.next_run_at is None:
        return "ended"
    return "overdue" if schedule.next_run_at < timezone.now() - PUNCTUAL else ""


def _described(schedule: Schedule, missed: int) -> dict[str, Any]:
    return {
        "name": schedule.name,
        "task": schedule.task,
        "timing": json.dumps(schedule.timing),
        "time_zone": schedule.time_zone,
        "source": schedule.source,
        "catch_up": schedule.catch_up,
        "catch_up_window_seconds": schedule.catch_up_window_seconds,
        "standing": _standing(schedule),
        "paused_at": schedule.paused_at,
        "paused_by": schedule.paused_by,
        "pause_reason": schedule.pause_reason,
        "next_run_at": schedule.next_run_at,
        "last_run_at": schedule.last_run_at,
        "total_runs": schedule.total_runs,
        f"missed_in_{MISSED_DAYS}_days": missed,
    }


def _described_run(run: ScheduleRun) -> dict[str, Any]:
    return {
        "due_at": run.due_at,
        "outcome": run.outcome,
        "is_manual": run.is_manual,
        "task_id": run.task_id,
        "missed_count": run.missed_count,
        "reason": run.reason,
    }


def _run_line(schedule: Schedule, run: ScheduleRun) -> str:
    """Return one line: when, what became of it, and its task or the reason."""
    outcome = str(ScheduleRun.Outcome(run.outcome))
    if run.outcome == ScheduleRun.Outcome.MISSED:
        outcome = f"missed {run.missed_count}, beginning here"
    if run.outcome == ScheduleRun.Outcome.DUPLICATE:
        outcome = "duplicate of"
    asked = " (asked for)" if run.is_manual else ""
    return f"{_moment(schedule, run.due_at)}  {outcome}{asked}  {run.task_id or run.reason}".rstrip()


def _next_runs(schedule: Schedule) -> list[datetime]:
    """Return the next due times; none for a schedule that can't be worked out any more, which `problem` explains."""
    try:
        return selectors.next_runs(schedule)
    except ScheduleError:
        return []


def _moment(schedule: Schedule, moment: datetime | None) -> str:
    """Return a moment as a clock in the schedule's zone shows it; in UTC when there is no such zone."""
    if moment is None:
        return ""
    try:
        return f"{moment.astimezone(schedule.zone):%Y-%m-%d %H:%M:%S %Z}"
    except ScheduleError:
        return f"{moment:%Y-%m-%d %H:%M:%S %Z}"


def _as_json(document: object) -> str:
    return json.dumps(document, indent=2, default=datetime.isoformat)
