"""Which versions run, and whether they are ones that Workstate is tested with."""

from __future__ import annotations

import platform
import sqlite3
from importlib.metadata import version
from typing import TYPE_CHECKING

from django.db import connections

from workstate.core.health.findings import Finding, Level
from workstate.core.health.registry import Context, check
from workstate.core.jobs.connections import ledger_alias

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTED_CELERY = "5.7"
OLDEST_SQLITE = (3, 35, 0)
PACKAGES = ("django", "celery", "kombu")


@check("versions")
def versions(_context: Context) -> Iterator[Finding]:
    """Name the versions; warn about a Celery, and refuse a SQLite, that is known not to do."""
    parts = [f"Python {platform.python_version()}"]
    parts += [f"{package.capitalize()} {version(package)}" for package in PACKAGES]
    parts.append(f"SQLite {sqlite3.sqlite_version}")
    yield Finding(Level.OK, "versions", ", ".join(parts))
    if not version("celery").startswith(f"{TESTED_CELERY}."):
        yield Finding(
            Level.WARNING,
            "versions",
            f"Celery {version('celery')} is not {TESTED_CELERY}",
            "the broker reaches into Celery's workers, and is tested with that version only",
            f"pip install 'celery~={TESTED_CELERY}.0'",
        )
    if connections[ledger_alias()].vendor == "sqlite" and sqlite3.sqlite_version_info < OLDEST_SQLITE:
        yield Finding(
            Level.ERROR,
            "versions",
            f"SQLite {sqlite3.sqlite_version} is older than {'.'.join(map(str, OLDEST_SQLITE))}",
            "jobs are claimed with UPDATE … RETURNING, which it does not know",
            "use a newer Python, or set DATABASE_URL to a PostgreSQL database",
        )
