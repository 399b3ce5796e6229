"""The one Django app of the core; a project needs nothing but this line in INSTALLED_APPS."""

from __future__ import annotations

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """The core as Django sees it: tables named `workstate_…`."""

    name = "workstate.core"
    label = "workstate"
    verbose_name = "Workstate core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Check the settings, tie the ledger into Celery, log and count events, tune SQLite, close sockets at logout."""
        from workstate.core.broker import sqlite_tuning
        from workstate.core.cache import checks  # noqa: F401  importing registers them
        from workstate.core.configuration import configuration
        from workstate.core.live import sessions
        from workstate.core.telemetry import setup as telemetry
        from workstate.core.worker import setup

        configuration()
        telemetry.install()
        setup.install()
        sqlite_tuning.connect()
        sessions.connect()
