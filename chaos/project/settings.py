"""Settings as any project has them; broker and database come from the lane."""

import faulthandler
import os
import signal
import sys

import dj_database_url

from chaos.project.caps import MAX_LOST_ATTEMPTS

faulthandler.register(signal.SIGUSR2, file=sys.__stderr__, all_threads=True)  # who hangs is asked where

SECRET_KEY = "only for chaos"
USE_TZ = True
TIME_ZONE = "UTC"
DATABASES = {"default": dj_database_url.parse(os.environ["DATABASE_URL"], conn_max_age=60, conn_health_checks=True)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["workstate.core", "chaos.project"]

CELERY_BROKER_URL = os.environ["CELERY_BROKER_URL"]
CELERY_RESULT_BACKEND = "workstate://"
CELERY_TASK_ROUTES = {"chaos.project.tasks.poison": {"queue": "poison"}}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # an outage may last
CELERY_BEAT_SCHEDULER = "workstate.core.schedules.scheduler:LedgerScheduler"

WORKSTATE = {"MAX_LOST_ATTEMPTS": MAX_LOST_ATTEMPTS}
