"""The Celery application of that project, as Celery's guide for Django has it."""

from __future__ import annotations

import os

import django
from celery import Celery

# Not setdefault: the caller, pytest for one, may have settings of its own in force.
os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.systems.workstate_settings"

app = Celery("benchmarks")
app.config_from_object("django.conf:settings", namespace="CELERY")
# After the application, as in a project: there the package's __init__ makes it before Django is set up.
django.setup()
