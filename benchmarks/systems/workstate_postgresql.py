"""Workstate on PostgreSQL."""

from __future__ import annotations

import os

from benchmarks import places, services

# The project's settings read it when the base module is imported.
os.environ["DATABASE_URL"] = places.sample_database_url()

from django.db import connections

from benchmarks.systems.workstate_base import WorkstateSystem


class WorkstateOnPostgresql(WorkstateSystem):
    """The same project with DATABASE_URL set."""

    label = "Workstate on PostgreSQL"

    def start_services(self) -> None:
        services.create_sample_database()
        super().start_services()

    def stop_services(self) -> None:
        connections.close_all()
        services.drop_sample_database()

    def durability(self) -> str:
        return services.describe_postgresql()


system = WorkstateOnPostgresql
