"""Brings jobs to the outside broker as the messages that Celery itself would have sent.

A plain Celery worker could run them. One courier is one connection, used by one thread. A connection and an answer may
take half a second each; what failed on a connection that was open is tried once more on a new one.
"""

from __future__ import annotations

import json
import struct
from base64 import b64decode
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, TypeVar

from kombu.exceptions import KombuError

from workstate.core.broker.messages import BASE64
from workstate.core.jobs.errors import UNREADABLE
from workstate.core.relay.adoption import is_redis, outside_urls

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from kombu import Connection, Producer

    from workstate.core.jobs.records import NewJob

T = TypeVar("T")
PATIENCE_SECONDS = 0.5
MARK: Final = "workstate"
"""The header that tells a job of the ledger from a message that somebody else sent."""
HIGHEST_NUMBER = 9
"""Of priorities that brokers know; the claim goes by the true one."""
BROKEN = (KombuError, OSError)


class BrokerAwayError(Exception):
    """The outside broker could not be reached, or did not answer in time; what was sent may not have arrived."""


class AskingOnce:
    """For a channel of Redis: a question that is not answered in time is not asked again.

    Redis's client would ask it four times, with pauses between, before anybody heard that Redis is away.
    """

    def _connparams(self, asynchronous: bool = False) -> dict[str, Any]:
        parameters: dict[str, Any] = super()._connparams(asynchronous)  # type: ignore[misc]
        return {**parameters, "retry": None}  # not a Retry that never does: kombu would send its batches one by one


class Courier:
    """A connection to the outside broker of an application, opened when it is needed and again after a failure."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._urls = outside_urls(app)
        self._is_redis = is_redis(self._urls)
        self._connection: Connection | None = None
        self._producer: Producer | None = None
        self._declared: set[str] = set()

    def send(self, jobs: Sequence[NewJob]) -> None:
        """Send jobs, in one go where the broker can take them so.

        Raises BrokerAwayError; then each of them may have arrived or not.
        """

        def send_all(producer: Producer) -> None:
            with producer.batch():
                for job in jobs:
                    self._publish(producer, job)

        self._ask(send_all)

    def publish(self, publish: Callable[..., None]) -> None:
        """Call `publish(producer=…)` with a producer on this connection; raises BrokerAwayError."""
        self._ask(lambda producer: publish(producer=producer))

    def ping(self) -> None:
        """Ask the broker for a sign of life; raises BrokerAwayError."""
        if self._is_redis:
            self._ask(lambda producer: producer.channel.client.ping())
        else:
            # A passive declaration is the cheapest question that RabbitMQ answers.
            self._ask(lambda producer: producer.channel.exchange_declare("amq.direct", "direct", passive=True))

    def is_empty(self, queue: str) -> bool:
        """Tell whether the broker holds no message that `queue` could deliver; raises BrokerAwayError."""
        return not self._ask(lambda producer: self._depth(producer.channel, queue))

    def _depth(self, channel: Any, queue: str) -> int:
        if self._is_redis:
            return int(channel._size(queue))  # noqa: SLF001  its passive declaration knows no empty queue
        self._declare(channel, queue)
        return int(channel.queue_declare(queue, passive=True).message_count)

    def close(self) -> None:
        """Let go of the connection; it opens again when it is needed."""
        connection, self._connection = self._connection, None
        self._producer = None
        self._declared.clear()
        if connection is not None:
            with suppress(*_errors_of(connection)):
                connection.release()

    # --- the connection --------------------------------------------------------------------------

    def _ask(self, question: Callable[[Producer], T]) -> T:
        """Do something with the broker; a connection that it has closed since the last time is no outage."""
        was_open = self._producer is not None
        try:
            return self._attempt(question)
        except BrokerAwayError:
            if not was_open:
                raise
        return self._attempt(question)

    def _attempt(self, question: Callable[[Producer], T]) -> T:
        try:
            return question(self._open())
        except Exception as error:
            connection = self._connection
            if isinstance(error, BROKEN) or (connection is not None and isinstance(error, _errors_of(connection))):
                self.close()
                raise BrokerAwayError(str(error) or type(error).__name__) from error
            raise

    def _open(self) -> Producer:
        if self._producer is None:
            self._connection = connection = self._new_connection()
            if self._is_redis:
                transport: Any = connection.transport
                transport.Channel = type("Channel", (AskingOnce, transport.Channel), {})
            connection.ensure_connection(max_retries=1, interval_start=0, interval_step=0)
            self._producer = self._app.amqp.Producer(connection.channel(), auto_declare=False)
        return self._producer

    def _new_connection(self) -> Connection:
        options: dict[str, Any] = {"read_timeout": PATIENCE_SECONDS, "write_timeout": PATIENCE_SECONDS}
        if self._is_redis:
            options = {"socket_connect_timeout": PATIENCE_SECONDS, "socket_timeout": PATIENCE_SECONDS}
        else:
            options["confirm_publish"] = True
        connection: Connection = self._app.connection_for_write(
            self._urls, transport_options=options, connect_timeout=PATIENCE_SECONDS
        )
        return connection

    # --- messages --------------------------------------------------------------------------------

    def _publish(self, producer: Producer, job: NewJob) -> None:
        maximum = self._declare(producer.channel, job.queue)
        options: dict[str, Any] = {
            "exchange": "",
            "routing_key": job.queue,
            # The ledger's lower numbers run first, as with Celery on Redis; RabbitMQ's higher ones do.
            "priority": _clamped(maximum - job.priority if maximum else job.priority),
            "retry": False,
        }
        body, headers, properties = _content(job)
        try:
            producer.publish(body, headers={**headers, MARK: True}, **properties, **options)
        except struct.error:  # AMQP can't write it: a number of more than 64 bits in a header, a very long task id
            body, headers, properties = _bare_ticket(job)
            producer.publish(body, headers={**headers, MARK: True}, **properties, **options)

    def _declare(self, channel: Any, name: str) -> int:
        """Make sure that a queue exists; returns its highest priority where the broker counts upwards, or 0."""
        queue = self._app.amqp.queues[name]
        if name not in self._declared and not self._is_redis:
            queue(channel).declare()
            self._declared.add(name)
        return 0 if self._is_redis else int((queue.queue_arguments or {}).get("x-max-priority") or 0)


def _content(job: NewJob) -> tuple[str | bytes, dict[str, Any], dict[str, Any]]:
    """Return body, headers and properties as Celery sends them; of a row that can't be read, those of a bare ticket."""
    try:
        properties = json.loads(job.properties)
        is_binary = properties.pop("body_encoding", None) == BASE64
        return b64decode(job.body) if is_binary else job.body, dict(json.loads(job.headers)), properties
    except UNREADABLE:
        return _bare_ticket(job)


def _bare_ticket(job: NewJob) -> tuple[str, dict[str, Any], dict[str, Any]]:
    # Whoever gets it claims the row, and makes one that can't be read a dead letter.
    return "[[], {}, {}]", {"id": job.task_id, "task": job.task}, {"content_type": "application/json"}


def _errors_of(connection: Connection) -> tuple[type[BaseException], ...]:
    return (*connection.connection_errors, *connection.channel_errors)


def _clamped(priority: int) -> int:
    return min(max(priority, 0), HIGHEST_NUMBER)
