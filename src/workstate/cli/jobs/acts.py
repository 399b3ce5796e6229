"""`workstate jobs replay`, `discard` and `cancel`: count, ask, act, say what came of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from workstate.cli import EXIT_OK
from workstate.cli.errors import CommandError
from workstate.cli.jobs.choosing import chosen, is_confirmed, none_found, require_choice
from workstate.core.jobs.cancellations import Cancelling, cancel_jobs
from workstate.core.jobs.discards import discard_jobs
from workstate.core.jobs.replays import replay_job, replay_jobs
from workstate.core.jobs.selectors import count_jobs
from workstate.core.jobs.states import WAITING, State

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from workstate.core.jobs.filters import JobFilter

EXIT_NOTHING_DONE = 1


class BadOptionsError(CommandError):
    """Options that do not go together; the message says which."""


def replay(options: argparse.Namespace) -> int:
    """Let jobs run again."""
    args, kwargs = _as_json("--args", options.args, list), _as_json("--kwargs", options.kwargs, dict)
    if args is None and kwargs is None:
        return _act(options, chosen(options), "Replay", lambda jobs: _replayed(options, jobs))
    if len(options.task_ids) != 1:
        raise BadOptionsError("--args and --kwargs are for one job: name its id.")
    return _act(options, chosen(options), "Replay", lambda _: _replayed_with(options, args, kwargs))


def discard(options: argparse.Namespace) -> int:
    """Give jobs up."""
    if not options.reason:
        raise BadOptionsError("Say why with --reason: whoever looks later wants to know.")
    return _act(options, chosen(options), "Discard", lambda jobs: _discarded(options, jobs))


def cancel(options: argparse.Namespace) -> int:
    """Cancel jobs that wait or run."""
    jobs = chosen(options, default_states=frozenset({*WAITING, State.EXECUTING}))
    return _act(options, jobs, "Cancel", lambda jobs: _cancelled(options, jobs))


def _act(options: argparse.Namespace, jobs: JobFilter, verb: str, act: Callable[[JobFilter], dict[str, int]]) -> int:
    require_choice(options)
    count = count_jobs(jobs)
    if options.dry_run:
        print(json.dumps({"meant": count}) if options.json else f"{verb}: {count:,} jobs are meant")
        return EXIT_OK
    if not count:
        print(json.dumps({}) if options.json else none_found(options))
        return EXIT_NOTHING_DONE
    if not is_confirmed(options, verb, count):
        return EXIT_NOTHING_DONE
    outcome = act(jobs)
    text = ", ".join(f"{number:,} {what}" for what, number in outcome.items() if number)
    print(json.dumps(outcome) if options.json else text)
    return EXIT_OK if any(number for what, number in outcome.items() if what not in UNCHANGED) else EXIT_NOTHING_DONE


LEFT = "left as they are"
HELD_BACK = "held back: another job has their unique key"
UNCHANGED = frozenset({LEFT, HELD_BACK, Cancelling.TOO_LATE.value, Cancelling.UNKNOWN.value})


def _replayed(options: argparse.Namespace, jobs: JobFilter) -> dict[str, int]:
    meant = count_jobs(jobs)
    done = replay_jobs(jobs=jobs, per_second=options.rate, reason=options.reason, by=options.by)
    left = max(0, meant - done.replayed - done.held_back)
    return {"replayed": done.replayed, HELD_BACK: done.held_back, LEFT: left}


def _replayed_with(options: argparse.Namespace, args: Any, kwargs: Any) -> dict[str, int]:
    replay_job(task_id=options.task_ids[0], args=args, kwargs=kwargs, reason=options.reason, by=options.by)
    return {"replayed": 1}


def _discarded(options: argparse.Namespace, jobs: JobFilter) -> dict[str, int]:
    outcome = discard_jobs(jobs=jobs, reason=options.reason, by=options.by)
    return {"discarded": outcome.discarded, "dismissed": outcome.dismissed, LEFT: outcome.left}


def _cancelled(options: argparse.Namespace, jobs: JobFilter) -> dict[str, int]:
    task_ids = list(jobs.choose().order_by("id").values_list("task_id", flat=True))
    counts = cancel_jobs(task_ids=task_ids, reason=options.reason or "cancelled", by=options.by)
    return {what.value: number for what, number in counts.items()}


def _as_json(option: str, text: str | None, kind: type) -> Any:
    if text is None:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadOptionsError(f"{option} is no JSON: {error}") from error
    if not isinstance(value, kind):
        raise BadOptionsError(f"{option} must be a JSON {'list' if kind is list else 'object'}.")
    return value
