"""The core's own settings: one mapping in the project's Django settings, read once and checked at the start.

    WORKSTATE = {"KEEP_COMPLETED": timedelta(days=30)}

Celery's settings stay Celery's; here is only what Celery has no word for.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from functools import cache
from typing import Any, Self

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed

NAME = "WORKSTATE"
NOTHING = timedelta()
CHOICES = {"SQLITE_SYNCHRONOUS": ("NORMAL", "FULL")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What `WORKSTATE` says, each key in lower case; a period of None means for ever."""

    max_lost_attempts: int = 3
    """How often a job's worker may die under it before the job is discarded."""
    keep_completed: timedelta | None = timedelta(days=7)
    """How long a completed job stays as history."""
    keep_cancelled: timedelta | None = timedelta(days=7)
    """How long a cancelled job stays as history."""
    keep_discarded: timedelta | None = timedelta(days=90)
    """How long a dead letter stays, and can be replayed."""
    keep_schedule_runs: timedelta | None = timedelta(days=90)
    """How long it is kept what became of a schedule's due times."""
    keep_external_calls: timedelta | None = timedelta(days=365)
    """How long an external call that has ended is kept, and its key can't be used again."""
    keep_events: timedelta | None = timedelta(days=1)
    """How long a page may have been offline and still get the live events that it missed."""
    live_connections_per_person: int = 50
    """How many live connections one person may have with one web process."""
    live_connections_per_address: int = 500
    """How many live connections one network address may have with one web process."""
    live_redis_url: str | None = None
    """A Redis that carries the hints of live events beside PostgreSQL, and nothing else."""
    sqlite_synchronous: str = "NORMAL"
    """`FULL` has each commit to a SQLite file wait for the disk, so that it outlives a loss of power."""
    metrics_token: str | None = None
    """What Prometheus has to know to read `/metrics`; without one the page is off."""

    @classmethod
    def read(cls, values: Any) -> Self:
        """Return what a project's mapping says; raises ImproperlyConfigured with what to write instead."""
        if not isinstance(values, Mapping):
            raise ImproperlyConfigured(f"{NAME} must be a dict, not {values!r}.")
        for key, value in values.items():
            _check(key, value)
        return cls(**{key.lower(): value for key, value in values.items()})


@cache
def configuration() -> Configuration:
    """Return the project's configuration of the core.

    Raises ImproperlyConfigured when `WORKSTATE` says what it can't.
    """
    return Configuration.read(getattr(settings, NAME, {}))


def _check(key: Any, value: Any) -> None:
    if key not in DEFAULTS:
        close = difflib.get_close_matches(str(key).upper(), DEFAULTS, n=1)
        advice = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(DEFAULTS)}."
        raise ImproperlyConfigured(f"{NAME} has no setting {key!r}: {advice}")
    if key in CHOICES:
        if value not in CHOICES[key]:
            raise ImproperlyConfigured(f"{NAME}[{key!r}] must be {' or '.join(CHOICES[key])}, not {value!r}.")
    elif DEFAULTS[key] is None:
        if value is not None and not isinstance(value, str):
            raise ImproperlyConfigured(f"{NAME}[{key!r}] must be a string, not {value!r}.")
    elif isinstance(DEFAULTS[key], timedelta):
        if value is not None and not (isinstance(value, timedelta) and value > NOTHING):
            raise ImproperlyConfigured(
                f"{NAME}[{key!r}] must be a positive timedelta, or None for ever, not {value!r}."
            )
    elif not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ImproperlyConfigured(f"{NAME}[{key!r}] must be a whole number of at least 1, not {value!r}.")


DEFAULTS: dict[str, Any] = {field.name.upper(): field.default for field in fields(Configuration)}


def _forget(*, setting: str, **kwargs: Any) -> None:
    if setting == NAME:
        configuration.cache_clear()


setting_changed.connect(_forget, dispatch_uid="workstate.configuration")
