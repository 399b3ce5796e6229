"""`workstate status`: mode, queues, workers, schedules and dead letters at a glance."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import Error as DatabaseError
from django.utils import timezone

from workstate.cli import EXIT_CANNOT, EXIT_OK
from workstate.cli.terminal import Colour, paint, table, wants_colour
from workstate.core.cache.selectors import list_caches
from workstate.core.external.selectors import count_awaiting_decision
from workstate.core.health import selectors
from workstate.core.health.mode import Mode, broker_away_since, current_mode
from workstate.core.jobs.models import Process
from workstate.core.jobs.pauses import list_paused_queues

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workstate.core.cache.selectors import CacheStanding
    from workstate.core.health.selectors import DeadLetter, QueueStatus
    from workstate.core.jobs.models import QueuePause
    from workstate.core.schedules.models import Schedule

DEAD_LETTERS_SHOWN = 5
SCHEDULES_SHOWN = 10
LONGEST_TEXT = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Everything that the command shows, at one moment."""

    at: datetime
    mode: Mode
    broker_away_since: datetime | None
    caches: list[CacheStanding]
    queues: list[QueueStatus]
    paused: list[QueuePause]
    planned: int
    workers: list[Process]
    schedulers: list[Process]
    schedules: list[Schedule]
    dead_letters: int
    newest_dead_letters: list[DeadLetter]
    ambiguous_calls: int


def run(arguments: Sequence[str]) -> int:
    """Print how things stand; return 0, or 2 when the database cannot be read."""
    options = _parser().parse_args(arguments)
    try:
        status = read_status()
    except DatabaseError as error:
        print(
            f"workstate: the database cannot be read: {str(error).strip()} (`workstate doctor` says what to do)",
            file=sys.stderr,
        )
        return EXIT_CANNOT
    print(_as_json(status) if options.json else _as_text(status))
    return EXIT_OK


def read_status() -> Status:
    """Return how things stand now."""
    return Status(
        at=timezone.now(),
        mode=current_mode(),
        broker_away_since=broker_away_since(),
        caches=list_caches(),
        queues=selectors.list_queues(),
        paused=list_paused_queues(),
        planned=selectors.count_planned(),
        workers=selectors.list_live_processes(Process.Kind.WORKER),
        schedulers=selectors.list_live_processes(Process.Kind.SCHEDULER),
        schedules=selectors.list_schedules(),
        dead_letters=selectors.count_dead_letters(),
        newest_dead_letters=selectors.list_dead_letters(DEAD_LETTERS_SHOWN),
        ambiguous_calls=count_awaiting_decision(),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="workstate status", description="Show how background work stands.")
    parser.add_argument("--json", action="store_true", help="print one JSON object, for programs")
    return parser


def _as_json(status: Status) -> str:
    document = {
        "at": status.at,
        "mode": status.mode,
        "broker_away_since": status.broker_away_since,
        "caches": [asdict(standing) for standing in status.caches],
        "queues": [
            {**asdict(queue), "oldest_seconds": _seconds_since(queue.oldest_since, status.at)}
            for queue in status.queues
        ],
        "paused": [
            {"queue": pause.queue, "by": pause.paused_by, "reason": pause.reason, "since": pause.paused_at}
            for pause in status.paused
        ],
        "planned": status.planned,
        "workers": [_process(process) for process in status.workers],
        "schedulers": [_process(process) for process in status.schedulers],
        "schedules": [
            {
                "name": schedule.name,
                "task": schedule.task,
                "next_run_at": schedule.next_run_at,
                "last_run_at": schedule.last_run_at,
            }
            for schedule in status.schedules
        ],
        "dead_letters": {
            "count": status.dead_letters,
            "newest": [asdict(letter) for letter in status.newest_dead_letters],
        },
        "external_calls": {"ambiguous": status.ambiguous_calls},
    }
    return json.dumps(document, indent=2, default=datetime.isoformat)


def _process(process: Process) -> dict[str, Any]:
    return {
        "name": process.name,
        "machine": process.machine,
        "pid": process.pid,
        "queues": [name for name in process.queues.split(",") if name],
        "concurrency": process.concurrency,
        "started_at": process.started_at,
    }


def _seconds_since(moment: datetime | None, now: datetime) -> float | None:
    return max((now - moment).total_seconds(), 0.0) if moment else None


def _as_text(status: Status) -> str:
    sections = [
        _section("Mode", [f"  {_mode(status)}", *_cache_lines(status)]),
        _section("Queues", _queue_lines(status)),
        _section("Workers", _process_lines(status.workers, "none is running: jobs wait", status.at)),
        _section(
            "Schedulers", _process_lines(status.schedulers, "none is running: nothing planned will start", status.at)
        ),
        _section("Schedules", _schedule_lines(status)),
        _section("Dead letters", _dead_letter_lines(status)),
        _section("External calls", [f"  {_ambiguous(status.ambiguous_calls)}"]),
    ]
    return "\n\n".join(sections)


def _mode(status: Status) -> str:
    if status.mode is not Mode.DEGRADED:
        return status.mode
    since = f" for {_age(status.broker_away_since, status.at)}" if status.broker_away_since else ""
    return f"{status.mode}: the broker is away{since}; jobs run through the database"


def _cache_lines(status: Status) -> list[str]:
    return [
        f"  cache {standing.alias}: {standing.address} is away for {_age(standing.away_since, status.at)};"
        " the database carries it"
        for standing in status.caches
        if standing.away_since
    ]


def _section(title: str, lines: Sequence[str]) -> str:
    return "\n".join([paint(title, Colour.BOLD, colourful=wants_colour(sys.stdout)), *lines])


def _queue_lines(status: Status) -> list[str]:
    rows = [
        (
            queue.name,
            f"{queue.waiting:,}",
            f"{queue.limited:,}",
            f"{queue.running:,}",
            _age(queue.oldest_since, status.at),
        )
        for queue in status.queues
    ]
    head = ("queue", "waiting", "limited", "running", "oldest")
    lines = [table(head, rows, figures=(1, 2, 3, 4))] if rows else ["  all empty"]
    lines += [f"  {pause_line(pause, status.at)}" for pause in status.paused]
    return [*lines, f"  planned for later: {status.planned:,}"] if status.planned else lines


def pause_line(pause: QueuePause, now: datetime) -> str:
    """Say in one line which queue is paused, by whom, since when and why."""
    return f"{pause.queue} is {pause_words(pause.paused_by, pause.paused_at, pause.reason, now)}"


def pause_words(by: str, since: datetime, reason: str, now: datetime) -> str:
    """Say of something paused by whom it is, since when and why."""
    return f"paused by {by or 'somebody'}, {_age(since, now)} ago{f': {reason}' if reason else ''}"


def _process_lines(processes: Sequence[Process], nobody: str, now: datetime) -> list[str]:
    if not processes:
        return [f"  {nobody}"]
    rows = [
        (_short(process.name), str(process.pid), str(process.concurrency or ""), _age(process.started_at, now))
        for process in processes
    ]
    return [table(("name", "process", "slots", "up"), rows, figures=(1, 2, 3))]


def _schedule_lines(status: Status) -> list[str]:
    if not status.schedules:
        return ["  none"]
    rows = [(_short(schedule.name), _until(schedule.next_run_at, status.at)) for schedule in status.schedules]
    lines = [table(("schedule", "next"), rows[:SCHEDULES_SHOWN], figures=(1,))]
    rest = len(rows) - SCHEDULES_SHOWN
    return [*lines, f"  and {rest} more"] if rest > 0 else lines


def _dead_letter_lines(status: Status) -> list[str]:
    if not status.dead_letters:
        return ["  none"]
    rows = [
        (_short(letter.task), _short(letter.error), _age(letter.ended_at, status.at))
        for letter in status.newest_dead_letters
    ]
    return [f"  {status.dead_letters:,} in all, the newest:", table(("task", "error", "ago"), rows, figures=(2,))]


def _ambiguous(count: int) -> str:
    return f"{count:,} ambiguous: `workstate external list`" if count else "none is ambiguous"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_TEXT else f"{line[: LONGEST_TEXT - 1]}…"


def _until(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return "not known"
    return f"in {_duration(moment - now)}" if moment > now else "now"


def _age(moment: datetime | None, now: datetime) -> str:
    return _duration(max(now - moment, timedelta())) if moment else ""


def _duration(duration: timedelta) -> str:
    """Return the two largest units, such as `3 h 05 min`."""
    seconds = round(duration.total_seconds())
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if days:
        return f"{days} d {hours % 24:02} h"
    if hours:
        return f"{hours} h {minutes % 60:02} min"
    if minutes:
        return f"{minutes} min {seconds % 60:02} s"
    return f"{seconds} s"
