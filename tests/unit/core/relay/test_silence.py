"""What Celery's consumer says of an outage keeps its line and loses the rest."""

from __future__ import annotations

import logging

from workstate.core.relay import silence


def record(message: str, *args: object) -> logging.LogRecord:
    error = ConnectionError("gone")
    return logging.LogRecord("celery", logging.ERROR, __file__, 1, message, args, (type(error), error, None))


def test_failed_good_bye_keeps_its_line_and_loses_its_traceback() -> None:
    said = record("Error on %s %s: %r", "restarting", "Gossip", ConnectionError("gone"))
    assert silence.without_traceback(said)
    assert logging.Formatter().format(said) == "Error on restarting Gossip: ConnectionError('gone')"


def test_traceback_of_any_other_error_stays() -> None:
    said = record("Error on %s %s: %r", "stopping", "Pool", ConnectionError("gone"))
    assert silence.without_traceback(said)
    assert said.exc_info is not None


def test_refused_connection_is_told_in_one_line() -> None:
    said = record("consumer: Cannot connect to %s: %s.\n%s\n", "redis://", "refused", "Will retry using next failover.")
    said.exc_info = None
    assert silence.in_one_line(said)
    assert said.getMessage() == "consumer: Cannot connect to redis://: refused. Will retry using next failover."


def test_report_of_a_message_that_nobody_understands_keeps_its_lines() -> None:
    said = record("Received and deleted unknown message.\n\n%s", "body: 1%")
    assert silence.in_one_line(said)
    assert said.getMessage().count("\n") == 2
