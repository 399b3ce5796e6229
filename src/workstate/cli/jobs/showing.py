"""`workstate jobs list` and `show`."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from workstate.cli import EXIT_OK
from workstate.cli.jobs.choosing import chosen, none_found
from workstate.cli.terminal import table
from workstate.core.jobs.errors import UNREADABLE
from workstate.core.jobs.selectors import (
    DeadLetterGroup,
    Position,
    find_key_holder,
    get_job,
    list_attempts,
    list_groups,
    list_interventions,
    list_jobs,
)

if TYPE_CHECKING:
    import argparse

    from workstate.core.jobs.history import Attempt, Intervention
    from workstate.core.jobs.models import Job

LONGEST_TEXT = 50


def list_chosen(options: argparse.Namespace) -> int:
    """Print a page of jobs, or the causes of dead letters."""
    if options.groups:
        groups = list_groups(options.limit)
        print(_json({"groups": [_group(group) for group in groups]}) if options.json else _groups_text(groups))
        return EXIT_OK
    page = list_jobs(
        chosen(options), after=Position.parse(options.after) if options.after else None, limit=options.limit
    )
    if options.json:
        print(_json({"jobs": [_summary(job) for job in page.jobs], "next": str(page.next) if page.next else None}))
    elif page.jobs:
        rows = [(job.task_id, job.state, _short(job.task), _short(_error(job)), _when(job)) for job in page.jobs]
        print(table(("id", "state", "task", "error", "since"), rows))
        if page.next:
            print(f"  more: --after {page.next}")
    else:
        print(none_found(options))
    return EXIT_OK


def show(options: argparse.Namespace) -> int:
    """Print all that is known of a job."""
    job = get_job(options.task_id)
    attempts, acts = list_attempts(job), list_interventions(job)
    if options.json:
        details = {
            "arguments": job.body,
            "unique_key": job.unique_key,
            "traceback": job.traceback,
            "result": job.result,
        }
        print(
            _json(
                {
                    **_summary(job),
                    **details,
                    "attempts": [_attempt(attempt) for attempt in attempts],
                    "interventions": [_intervention(act) for act in acts],
                }
            )
        )
    else:
        print("\n".join(_lines(job, attempts, acts)))
    return EXIT_OK


def _lines(job: Job, attempts: list[Attempt], acts: list[Intervention]) -> list[str]:
    facts = {
        "id": job.task_id,
        "task": job.task,
        "queue": job.queue,
        "state": f"{job.state}{', dismissed' if job.dismissed_at else ''}",
        "arguments": _arguments(job.body),
        "enqueued": _time(job.enqueued_at),
        "ended": _time(job.ended_at),
        "error": _error(job),
        "cause": job.fingerprint or "",
        "unique key": _key(job),
    }
    known = {name: value for name, value in facts.items() if value}
    width = max(map(len, known))
    lines = [f"{name:<{width}}  {value}" for name, value in known.items()]
    for attempt in attempts:
        error = f"{attempt.error_type or attempt.reason or ''} {attempt.error_message or ''}".strip()
        lines.append(f"attempt {attempt.number} ended {_time(attempt.ended_at)}: {attempt.state}, {error}")
    for act in acts:
        why = f": {act.reason}" if act.reason else ""
        lines.append(f"{act.kind} by {act.by or 'somebody'} {_time(act.at)}{why}")
        if act.former_body is not None:
            lines.append(f"  the arguments were {_arguments(act.former_body)}")
    return [*lines, "", job.traceback] if job.traceback else lines


def _key(job: Job) -> str:
    holder = find_key_holder(job)
    return f"{job.unique_key}, held by {holder.task_id}" if holder else job.unique_key or ""


def _groups_text(groups: list[DeadLetterGroup]) -> str:
    rows = [
        (
            group.fingerprint or "none",
            f"{group.count:,}",
            _short(group.sample.task if group.sample else ""),
            _short(_error(group.sample) if group.sample else ""),
            _time(group.last_at),
        )
        for group in groups
    ]
    return table(("cause", "jobs", "task", "error", "last"), rows, figures=(1,)) if rows else "no dead letters"


def _group(group: DeadLetterGroup) -> dict[str, Any]:
    return {
        "fingerprint": group.fingerprint,
        "count": group.count,
        "first_at": group.first_at,
        "last_at": group.last_at,
        "sample": _summary(group.sample) if group.sample else None,
    }


def _summary(job: Job) -> dict[str, Any]:
    columns = ("task_id", "task", "queue", "state", "attempt", "lost_attempts", "enqueued_at", "available_at")
    ends = ("started_at", "ended_at", "error_type", "error_message", "reason", "fingerprint", "dismissed_at")
    return {column: getattr(job, column) for column in (*columns, *ends)}


def _attempt(attempt: Attempt) -> dict[str, Any]:
    columns = ("number", "state", "started_at", "ended_at", "error_type", "error_message", "traceback", "reason")
    return {column: getattr(attempt, column) for column in columns}


def _intervention(act: Intervention) -> dict[str, Any]:
    return {column: getattr(act, column) for column in ("kind", "at", "by", "reason", "former_body")}


def _arguments(body: str) -> str:
    try:
        args, kwargs, _ = json.loads(body)
    except UNREADABLE:
        return body
    return f"{json.dumps(args)} {json.dumps(kwargs)}"


def _error(job: Job) -> str:
    return " ".join(part for part in (job.error_type or job.reason, job.error_message) if part)


def _when(job: Job) -> str:
    return _time(job.ended_at or job.enqueued_at)


def _time(moment: datetime | None) -> str:
    return timezone.localtime(moment).strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_TEXT else f"{line[: LONGEST_TEXT - 1]}…"


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2, default=datetime.isoformat)
