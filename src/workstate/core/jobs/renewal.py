"""A job's message as it is to be when the job runs again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from celery import current_app
from celery.utils.saferepr import saferepr
from kombu.exceptions import EncodeError
from kombu.utils.json import dumps

from workstate.core.jobs.errors import UNREADABLE, BadArgumentsError
from workstate.core.jobs.unique import Unique

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from workstate.core.jobs.ledger.replays import ReplayableJob

REPLAYS = "replays"
"""A header that counts how often the job was replayed; a worker that remembers it as revoked forgets that."""


class Arguments(NamedTuple):
    """What a job is to be called with; None keeps what it has."""

    args: Sequence[Any] | None
    kwargs: dict[str, Any] | None


def renewed(job: ReplayableJob, available_at: datetime, *, body: str | None) -> str:
    """Return the job's headers for another life: no retries yet, no time of its own, no expiry that has passed.

    Headers that nobody can read stay as they are.
    """
    try:
        headers = json.loads(job.headers)
        headers |= {"retries": 0, "eta": None, REPLAYS: headers.get(REPLAYS, 0) + 1}
        if headers.get("expires") and _moment(headers["expires"]) <= available_at:
            headers["expires"] = None
        if body is not None:
            args, kwargs, _ = json.loads(body)
            headers |= {"argsrepr": saferepr(args), "kwargsrepr": saferepr(kwargs)}
        return str(dumps(headers))
    except UNREADABLE:
        return job.headers


def edited(job: ReplayableJob, arguments: Arguments) -> str:
    """Return the job's body with other arguments.

    Raises BadArgumentsError when they are no JSON, when its task would not take them, or when nobody can read the body.
    """
    try:
        properties = json.loads(job.properties)
        if properties.get("content_type") != "application/json" or "body_encoding" in properties:
            raise BadArgumentsError(job.task_id, "its message is no JSON")
        args, kwargs, embed = json.loads(job.body)
    except UNREADABLE as error:
        raise BadArgumentsError(job.task_id, "its message can't be read") from error
    args = args if arguments.args is None else list(arguments.args)
    kwargs = kwargs if arguments.kwargs is None else arguments.kwargs
    _check(job, args, kwargs)
    try:
        return str(dumps([args, kwargs, embed]))
    except (EncodeError, *UNREADABLE) as error:
        raise BadArgumentsError(job.task_id, str(error)) from error


def key_after_edit(job: ReplayableJob, body: str) -> str | None:
    """Return the unique key of a job whose arguments were edited.

    The key that its task's declaration makes of them, if it is the one that made the job's own; else that stays.
    """
    task: Any = current_app.tasks.get(job.task)
    unique = getattr(task, "unique", None)
    if job.unique_key is None or not isinstance(unique, Unique):
        return job.unique_key
    try:
        before, after = (unique.key_of(task, job.task, *json.loads(text)[:2]) for text in (job.body, body))
    except Exception as error:  # a key of one's own may raise whatever it likes
        raise BadArgumentsError(job.task_id, f"their unique key can't be told ({error!r})") from error
    return after if before == job.unique_key else job.unique_key


def embedded(body: str) -> dict[str, Any]:
    """Return what travels in a body beside the arguments: chain, chord, callbacks; nothing when it can't be read."""
    try:
        _, _, embed = json.loads(body)
        return dict(embed)
    except UNREADABLE:
        return {}


def followers_of(signatures: Iterable[Any] | None) -> list[str]:
    """Return the ids of signatures, and of the bodies of those that are chords."""
    ids: list[str] = []
    for signature in signatures or ():
        if isinstance(signature, dict):
            ids += filter(None, [(signature.get("options") or {}).get("task_id")])
            if signature.get("subtask_type") == "chord":
                ids += followers_of([(signature.get("kwargs") or {}).get("body")])
    return ids


def _check(job: ReplayableJob, args: list[Any], kwargs: dict[str, Any]) -> None:
    task: Any = current_app.tasks.get(job.task)
    if task is None or not task.typing:  # another program's task: it will say so itself
        return
    try:
        task.__header__(*args, **kwargs)
    except TypeError as error:
        raise BadArgumentsError(job.task_id, str(error)) from error


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
