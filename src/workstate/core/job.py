"""What a running job says and asks, to be read as it is written: `job.report_progress(3, 10)`.

from workstate.core import job

@shared_task
def convert(pages):
for number, page in enumerate(pages, 1):
...
job.report_progress(number, len(pages), "converting")
"""

from workstate.core.jobs.batches import current_batch
from workstate.core.jobs.cancellations import is_cancel_requested, raise_if_cancel_requested
from workstate.core.jobs.progress import report_progress
from workstate.core.jobs.steering import CancelRequested

__all__ = [
    "CancelRequested",
    "current_batch",
    "is_cancel_requested",
    "raise_if_cancel_requested",
    "report_progress",
]
