"""On PostgreSQL, the tables for control traffic; SQLite keeps it in a second file."""

from typing import Any

from django.db import migrations

from workstate.core.broker.control.base import BINDINGS, MESSAGES
from workstate.core.broker.control.postgresql import SCHEMA


def create(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for statement in SCHEMA:
            schema_editor.execute(statement)


def drop(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for table in (MESSAGES, BINDINGS):
            schema_editor.execute(f"DROP TABLE {table}")


class Migration(migrations.Migration):
    dependencies = [("workstate", "0001_initial")]

    operations = [migrations.RunPython(create, drop)]
