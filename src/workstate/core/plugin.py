"""What Celery and kombu load by name; they may do so before Django is set up (`celery inspect`, `celery result`)."""

import django
from django.apps import apps

if not apps.models_ready:
    django.setup()

from workstate.core.broker.amqp import LedgerAMQP
from workstate.core.broker.transport import Transport
from workstate.core.worker.results import LedgerBackend

__all__ = ["LedgerAMQP", "LedgerBackend", "Transport"]
