"""Timers, entries, imports and exports."""

from django.apps import AppConfig


class TimeTrackingConfig(AppConfig):
    """Tells Django about the app."""

    name = "workstate.apps.time_tracking"
    label = "time_tracking"
    default_auto_field = "django.db.models.BigAutoField"
