"""Included by a worker that is asked to stop at once in the middle of writing to RabbitMQ."""

import os
import signal
import threading

from amqp.transport import TCPTransport
from celery.signals import worker_ready

_write = TCPTransport.write
_is_to_be_asked = threading.Event()


@worker_ready.connect
def _be_asked(**_):
    _is_to_be_asked.set()


def _write_and_be_asked(transport, data):
    if _is_to_be_asked.is_set() and threading.current_thread() is threading.main_thread():
        _is_to_be_asked.clear()
        os.kill(os.getpid(), signal.SIGQUIT)
    _write(transport, data)


TCPTransport.write = _write_and_be_asked
