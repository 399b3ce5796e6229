"""All tasks of the core, gathered where Celery looks for them."""

from workstate.core.external.tasks import perform_external_call
from workstate.core.health.tasks import canary

__all__ = ["canary", "perform_external_call"]
