"""Keeps an outage of the outside broker short and its log brief: nothing waits for a broker that is away.

Our own log says when the broker goes and when it returns. Celery's consumer says so too, in its way; what it adds,
tracebacks of clean-ups that failed and advice for brokers that own the jobs, is left out. No line is.
"""

from __future__ import annotations

import logging
import warnings
from contextlib import suppress
from typing import Any, Final

from celery.exceptions import CPendingDeprecationWarning
from redis.backoff import NoBackoff
from redis.retry import Retry

CONSUMER_LOGGER: Final = "celery.worker.consumer.consumer"
STEPS_LOGGER: Final = "celery.bootsteps"
ADVICE = r"\s*In Celery 5\.1 we introduced an optional breaking change"
"""How the warning begins that tasks cannot be acknowledged once the connection is gone; the ledger's can."""


def install() -> None:
    """Keep what this process's consumer says of a lost connection to one line each."""
    warnings.filterwarnings("ignore", message=ADVICE, category=CPendingDeprecationWarning)
    logging.getLogger(CONSUMER_LOGGER).addFilter(in_one_line)
    logging.getLogger(STEPS_LOGGER).addFilter(without_traceback)


def in_one_line(record: logging.LogRecord) -> bool:
    """Write what the consumer says of its connection into one line."""
    if record.levelno >= logging.WARNING and str(record.msg).startswith(("consumer: ", "%s (%r)")):
        record.msg, record.args = " ".join(record.getMessage().split()), None
    return True


def without_traceback(record: logging.LogRecord) -> bool:
    """Leave out why a step could not take its leave of a broker that is gone."""
    if str(record.msg).startswith("Error on %s %s") and record.args and "restarting" in record.args:
        record.exc_info = record.exc_text = None
    return True


def ask_once(connection: Any) -> None:
    """Let no question to Redis on a connection's channels be asked again that was not answered in time.

    The event loop would stand still for four times as long. RabbitMQ's client asks once.
    """
    for channel in list(getattr(connection.transport, "channels", None) or ()):
        if hasattr(channel, "_disconnect_pools"):
            channel.pool.set_retry(Retry(NoBackoff(), 0))


def abandon(connection: Any) -> None:
    """Drop a connection's sockets without a word to the broker, so that closing it waits for no answer.

    Redis's channels would say good-bye one after the other, and wait for an answer each time. RabbitMQ's do not.
    """
    if connection is None:
        return
    for channel in list(getattr(connection.transport, "channels", None) or ()):
        if not hasattr(channel, "_disconnect_pools"):
            continue
        channel._consumers.clear()  # noqa: SLF001  cancelling them would be a word, too
        channel._in_poll = channel._in_listen = False  # noqa: SLF001
        connection.transport.cycle.discard(channel)
        with suppress(*connection.connection_errors):
            channel._disconnect_pools()  # noqa: SLF001
            channel._close_clients()  # noqa: SLF001
        channel.closed = True
