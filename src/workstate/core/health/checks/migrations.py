"""Whether the tables are those that this version of the code works with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import Error as DatabaseError
from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader

from workstate.core.health.findings import Finding, Level, not_looked_at
from workstate.core.health.registry import Context, check
from workstate.core.jobs.connections import ledger_alias

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "migrations"


def missing_migrations() -> list[str]:
    """Return the migrations that the code has and the database has not, in the order to apply them."""
    executor = MigrationExecutor(connections[ledger_alias()])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


@check("database", "migrations")
def migrations(_context: Context) -> Iterator[Finding]:
    """Compare what is applied with what the code has, both ways."""
    try:
        missing, unknown = missing_migrations(), _unknown_migrations()
    except DatabaseError as error:
        yield not_looked_at(NAME, error, "the database comes first")
        return
    if missing:
        yield Finding(
            Level.ERROR,
            NAME,
            f"{len(missing)} not applied, the first is {missing[0]}",
            "the code expects tables and columns that are not there",
            "python manage.py migrate",
        )
    if unknown:
        yield Finding(
            Level.WARNING,
            NAME,
            f"the database has {unknown[0]}, which this version does not know",
            "a newer version ran here before; an older one may not understand its data",
            "pip install --upgrade workstate",
        )
    if not missing and not unknown:
        yield Finding(Level.OK, NAME, "all applied")


def _unknown_migrations() -> list[str]:
    loader = MigrationLoader(connections[ledger_alias()])
    known = set(loader.disk_migrations)
    replaced = {old for migration in loader.replacements.values() for old in migration.replaces}
    unknown = set(loader.applied_migrations) - known - replaced
    return sorted(f"{label}.{name}" for label, name in unknown if label in loader.migrated_apps)
