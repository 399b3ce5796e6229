"""Django's settings for an ordinary project that has `workstate.core` installed and nothing else of Workstate."""

from __future__ import annotations

import os

import dj_database_url

SECRET_KEY = "benchmarks"
INSTALLED_APPS = ["workstate.core"]
DATABASES = {"default": dj_database_url.parse(os.environ["DATABASE_URL"], conn_max_age=60)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"

if os.environ.get("BENCH_SYNCHRONOUS"):
    pragmas = ["busy_timeout = 20000", "journal_mode = WAL", f"synchronous = {os.environ['BENCH_SYNCHRONOUS']}"]
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "init_command": "; ".join(f"PRAGMA {pragma}" for pragma in pragmas),
    }

CELERY_BROKER_URL = os.environ.get("BENCH_BROKER_URL", "workstate://")
CELERY_RESULT_BACKEND = "workstate://"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_ACKS_LATE = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_IMPORTS = ["benchmarks.systems.celery_tasks"]
