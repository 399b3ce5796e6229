"""The Celery application: `celery -A workstate worker|beat|inspect|…`."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workstate.project.settings")

app = Celery("workstate")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
