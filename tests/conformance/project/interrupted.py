"""Included by a worker that is asked to stop at once in the middle of its first closing."""

import os
import signal

from celery.worker import state as worker_state

from project.effects import record
from workstate.core.jobs.ledger import Ledger

_end = Ledger.end
_asked = []


def _end_and_be_asked(ledger, closings):
    ended = _end(ledger, closings)
    if ended and not _asked:
        _asked.append(True)
        os.kill(os.getpid(), signal.SIGQUIT)
        record("asked to stop", is_stopping=worker_state.should_terminate is not None)
    return ended


Ledger.end = _end_and_be_asked
