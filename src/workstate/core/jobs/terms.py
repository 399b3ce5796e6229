"""The terms on which a call becomes a job, as its task declares them or the call itself says."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from workstate.core.jobs import clock
from workstate.core.jobs.limits import LimitedTo
from workstate.core.jobs.unique import Conflict, Unique

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from workstate.core.jobs.records import LimitRule, NewJob

OPTIONS = frozenset({"unique", "limit"})
"""What `apply_async` takes besides Celery's own options; False takes a declaration back for one call."""

LIMITED_LANE = "limited"

Declaration = TypeVar("Declaration", Unique, LimitedTo)

_current: ContextVar[Terms | None] = ContextVar("terms", default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What one call has to keep to."""

    unique_key: str | None = None
    unique_until: datetime | None = None
    conflict: Conflict = Conflict.KEEP
    available_at: datetime | None = None
    limit_rule: LimitRule | None = None

    def of_retry(self) -> Terms:
        """Return the terms for another try: it has named its own time, and if that is "at once"."""
        return replace(self, available_at=None)

    def applied(self, job: NewJob) -> NewJob:
        """Return the job on these terms; a time that the call named itself stays."""
        return replace(
            job,
            unique_key=self.unique_key,
            unique_until=self.unique_until,
            conflict=self.conflict.value,
            available_at=job.available_at or self.available_at,
            limit_rule=self.limit_rule,
            limit_key=self.limit_rule and self.limit_rule.key,
            lane=job.lane if self.limit_rule is None else LIMITED_LANE,
        )


def terms_of(
    task: Any, name: str, args: Sequence[Any], kwargs: Mapping[str, Any], options: Mapping[str, Any]
) -> Terms | None:
    """Return the terms of one call, None when it has none; `task` is None when it is not known here.

    Raises TypeError when a term is neither declared nor False, or arguments that make up a key are not JSON.
    """
    unique = _declared(task, name, options, "unique", Unique)
    limit = _declared(task, name, options, "limit", LimitedTo)
    if unique is None and limit is None:
        return None
    terms = Terms() if unique is None else _of_unique(unique, unique.key_of(task, name, args, kwargs))
    return terms if limit is None else replace(terms, limit_rule=limit.rule_for(name, args, kwargs))


def _declared(
    task: Any, name: str, options: Mapping[str, Any], option: str, kind: type[Declaration]
) -> Declaration | None:
    declared = options.get(option, getattr(task, option, None))
    if declared is None or declared is False:
        return None
    if not isinstance(declared, kind):
        raise TypeError(f"{option}={declared!r} of {name}: give a {kind.__module__}.{kind.__name__}.")
    return declared


def _of_unique(unique: Unique, key: str) -> Terms:
    now = clock.now()
    until = now + unique.period if unique.period is not None else None
    return Terms(
        unique_key=key,
        unique_until=until if unique.conflict is Conflict.KEEP else now,
        conflict=unique.conflict,
        available_at=now + unique.delay if unique.delay is not None else None,
    )


@contextmanager
def publishing_with(terms: Terms | None) -> Iterator[None]:
    """Let the message that is published inside become a job on these terms, whatever way it takes."""
    token = _current.set(terms)
    try:
        yield
    finally:
        _current.reset(token)


def on_current_terms(job: NewJob) -> NewJob:
    """Return a job that is being published on the terms of its call."""
    terms = _current.get()
    return job if terms is None else terms.applied(job)
