"""How an app whose jobs the ledger keeps sends a task: the message becomes a job at once, without kombu's detours.

Same arguments, signals and events as Celery's own sender, which still serves everything out
of the ordinary: another broker's connection, an exchange of one's own, compression. Behind an outside
broker it does so through `workstate://`, so that such a job is in the ledger first too.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from celery import signals
from celery.app.amqp import AMQP
from kombu import Connection
from kombu.pools import producers
from kombu.serialization import dumps
from kombu.utils.uuid import uuid

from workstate.core.broker.messages import new_job
from workstate.core.broker.registration import ALIAS, LEDGER_URL
from workstate.core.jobs.enqueue import enqueue, find_carrier
from workstate.core.jobs.execution import Execution
from workstate.core.jobs.terms import OPTIONS, Terms, publishing_with, terms_of
from workstate.core.relay.connections import LedgerConnection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ORDINARY = frozenset(
    {"queue", "priority", "expiration", "retry", "retry_policy", "serializer", "delivery_mode", "ignore_result"}
    | {"headers"}
)
"""Options that the ledger needs nothing of kombu for."""


class LedgerAMQP(AMQP):
    """Celery's message factory, with a short way into the ledger."""

    Connection = BrokerConnection = LedgerConnection

    def _create_task_sender(self) -> Callable[..., Any]:
        through_kombu: Callable[..., Any] = super()._create_task_sender()
        default_serializer = self.app.conf.task_serializer
        compresses = bool(self.app.conf.task_compression)
        queues = self.queues
        tasks = self.app._tasks  # noqa: SLF001  to ask for `tasks` would finalize the application

        def send_task_message(producer: Any, name: str, message: Any, **options: Any) -> Any:
            connection = producer.connection
            if connection.transport_cls != ALIAS and LEDGER_URL not in connection.alt:
                return through_kombu(producer, name, message, **options)
            options = {key: value for key, value in options.items() if value is not None}
            args, kwargs, _ = message.body
            terms = terms_of(tasks.get(name), name, args, kwargs, options)
            if terms is not None and message.headers.get("retries"):
                terms = terms.of_retry()
            for option in OPTIONS.intersection(options):
                del options[option]
            queue = options.get("queue") or self.default_queue
            if isinstance(queue, str):
                queue = queues[queue]
            sent_event = message.sent_event if connection.alt else None
            if sent_event:
                message = message._replace(sent_event=None)
            if compresses or not ORDINARY.issuperset(options) or message.sent_event or queue.exchange.type != "direct":
                with _on_ledger(producer) as ledger_producer, publishing_with(terms):
                    through_kombu(ledger_producer, name, message, **options)
            else:
                options.setdefault("serializer", default_serializer)
                _send(name, message, queue, options, terms)
            if sent_event:
                self._tell_sent(queue.name, sent_event)
            return None

        return send_task_message

    def _retry_publish(self, publish: Callable[..., Any], *args: Any, **options: Any) -> Any:
        """Keep what follows on the running job for its closing; Celery's tracer sends callbacks and chains by this."""
        execution = Execution.current()
        if execution is None or options.get("parent_id") != execution.task_id:
            return super()._retry_publish(publish, *args, **options)
        with execution.gathering_followers():
            return publish(*args, **options)

    def _tell_sent(self, queue: str, event: dict[str, Any]) -> None:
        """Tell those who watch the outside broker, and don't wait for it."""
        carrier = find_carrier()
        if carrier is not None:
            event.update(queue=queue, exchange="", routing_key=queue)
            carrier.tell(partial(self._event_dispatcher.publish, "task-sent", event, retry=False))


@contextmanager
def _on_ledger(producer: Any) -> Iterator[Any]:
    """Give `producer`, or one to the ledger when it leads to an outside broker."""
    if producer.connection.transport_cls == ALIAS:
        yield producer
        return
    with producers[Connection(LEDGER_URL)].acquire(block=True) as on_ledger:
        yield on_ledger


def _send(name: str, message: Any, queue: Any, options: dict[str, Any], terms: Terms | None) -> None:
    headers, properties, body, _ = message
    headers.update(options.get("headers") or {})
    properties["priority"] = options.get("priority")
    published = {"sender": name, "body": body, "exchange": "", "routing_key": queue.name, "headers": headers}
    signals.before_task_publish.send(
        **published, declare=[queue], properties=properties, retry_policy=options.get("retry_policy")
    )
    content_type, content_encoding, payload = dumps(body, serializer=options["serializer"])
    job = new_job(
        queue.name,
        {
            "headers": headers,
            "properties": {**properties, "delivery_tag": uuid()},
            "body": payload,
            "content-type": content_type,
            "content-encoding": content_encoding,
        },
    )
    if terms is not None:
        job = terms.applied(job)
    execution = Execution.current()
    if execution is None or not execution.takes(job):
        enqueue([job])
    signals.after_task_publish.send(**published)
