"""Settings as any project has them; broker and database come from the deployment under test."""

import json
import os

import dj_database_url

SECRET_KEY = "only for tests"
USE_TZ = True
TIME_ZONE = "UTC"
DATABASES = {"default": dj_database_url.parse(os.environ["DATABASE_URL"])}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["project"]

CELERY_BROKER_URL = os.environ["BROKER_URL"]
CELERY_BROKER_TRANSPORT_OPTIONS = json.loads(os.environ.get("BROKER_TRANSPORT_OPTIONS", "{}"))
CELERY_RESULT_BACKEND = os.environ["RESULT_BACKEND"]
CELERY_TASK_ROUTES = {"project.tasks.routed": {"queue": "by_route"}}
CELERY_TASK_TRACK_STARTED = True
CELERY_TASK_SEND_SENT_EVENT = True
CELERY_WORKER_SEND_TASK_EVENTS = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_ALWAYS_EAGER = os.environ.get("ALWAYS_EAGER") == "yes"
CELERY_TASK_EAGER_PROPAGATES = os.environ.get("EAGER_PROPAGATES") == "yes"
CELERY_BEAT_SCHEDULE = {
    "tell every second": {"task": "project.tasks.tell", "schedule": 1.0, "args": ["beat"]},
}

TASKS = {"default": {"BACKEND": "workstate.core.worker.tasks.WorkstateBackend"}}

if CELERY_RESULT_BACKEND.startswith("workstate:"):
    INSTALLED_APPS.append("workstate.core")
    CELERY_IMPORTS = ["project.external"]
WORKSTATE = {"SQLITE_SYNCHRONOUS": os.environ.get("SQLITE_SYNCHRONOUS", "NORMAL")}
