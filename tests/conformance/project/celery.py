"""The Celery application; a worker that consumes writes its node name to READY_FILE."""

import os
from pathlib import Path

from celery import Celery
from celery.signals import worker_ready

app = Celery("project")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_ready.connect
def tell_ready(sender, **kwargs):
    Path(os.environ["READY_FILE"]).write_text(sender.hostname)
