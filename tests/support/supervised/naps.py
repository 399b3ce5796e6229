"""Tasks that take their time."""

from __future__ import annotations

import time

from celery import shared_task
from celery.utils.log import get_task_logger

BEGINS = "the nap begins"
logger = get_task_logger(__name__)


@shared_task(name="supervised.nap")
def nap(seconds: float) -> float:
    """Hold a pool process for so long."""
    logger.info(BEGINS)
    time.sleep(seconds)
    return seconds
