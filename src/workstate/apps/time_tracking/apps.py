"""Timers, entries, imports and exports."""

from django.apps import AppConfig


class TimeTrackingConfig(AppConfig):
    """The app's name and label, and what it tells the live events."""

    name = "workstate.apps.time_tracking"
    label = "time_tracking"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Say who may follow the jobs of imports and exports."""
        from workstate.apps.time_tracking import selectors
        from workstate.core import live

        live.authorise("job", selectors.may_follow_job)
