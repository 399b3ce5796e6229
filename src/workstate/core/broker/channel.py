"""The kombu channel over the ledger: durable queues are jobs, the others control traffic."""

from __future__ import annotations

import json
from queue import Empty
from typing import TYPE_CHECKING, Any

from amqp.exceptions import ChannelError
from celery import current_app
from kombu.message import Message
from kombu.transport import virtual
from kombu.utils.json import dumps

from workstate.core.broker.control import Binding, ControlStore, control_store
from workstate.core.broker.holdings import Holdings
from workstate.core.broker.messages import JobMessage, new_job
from workstate.core.jobs import waiting
from workstate.core.jobs.connections import ledger_alias
from workstate.core.jobs.enqueue import enqueue
from workstate.core.jobs.execution import Execution
from workstate.core.jobs.terms import on_current_terms

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CLAIM_LIMIT_WITHOUT_PREFETCH = 100


class QoS(virtual.QoS):
    """What the consumer holds: closing goes to the ledger in groups, the slot is free at once."""

    restore_at_shutdown = False

    @property
    def delivered_count(self) -> int:
        """How many messages are in the consumer's hands."""
        return len(self._delivered)

    def append(self, message: Message, delivery_tag: str) -> None:
        """Count a message as delivered."""
        self._delivered[delivery_tag] = message

    def ack(self, delivery_tag: str) -> None:
        """Free the slot and, unless a request closes it with its outcome, complete the job."""
        message = self._delivered.pop(delivery_tag, None)
        if isinstance(message, JobMessage) and message.closes_itself:
            self.channel.holdings.complete(message)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Free the slot and give the job back, or discard it."""
        message = self._delivered.pop(delivery_tag, None)
        if not isinstance(message, JobMessage) or not message.closes_itself:
            return
        if requeue:
            self.channel.holdings.release(message)
        else:
            self.channel.holdings.discard(message, reason="rejected")

    def restore_unacked(self) -> list[Any]:
        """Give back what was delivered and is not with the pool; what is goes on and closes itself."""
        waiting_messages = [m for m in self._delivered.values() if isinstance(m, JobMessage) and not m.is_with_pool]
        self._delivered.clear()
        if waiting_messages:
            self.channel.holdings.release_all(waiting_messages)
        return []

    def restore_unacked_once(self, stderr: Any = None) -> None:
        """Give back what was delivered and has not begun."""
        self._on_collect.cancel()
        self.restore_unacked()


class Channel(virtual.Channel):
    """A channel whose durable queues are the ledger and whose other queues are the control store."""

    QoS = QoS
    supports_fanout = True
    body_encoding = None
    do_restore = False

    def __init__(self, connection: Any, **kwargs: Any) -> None:
        super().__init__(connection, **kwargs)
        self.alias = ledger_alias()
        self._control_queues: set[str] = set()
        self._callbacks: dict[str, Callable[[Message], Any]] = {}

    @property
    def control(self) -> ControlStore:
        """The control store, through a connection of the calling thread."""
        return control_store(self.alias)

    @property
    def holdings(self) -> Holdings:
        """What this process holds of the ledger."""
        return Holdings.of_process(self.alias)

    # --- publishing ------------------------------------------------------------------------------

    def basic_publish(self, message: dict[str, Any], exchange: str, routing_key: str, **kwargs: Any) -> None:
        """Insert a job, in the caller's transaction; control traffic goes its own way."""
        if not exchange:
            self._put(routing_key, message)
            return
        message["properties"]["delivery_info"].update(exchange=exchange, routing_key=routing_key)
        if "task" in message["headers"]:
            self._find_way(exchange, routing_key)
        self.typeof(exchange).deliver(message, exchange, routing_key, **kwargs)

    def _find_way(self, exchange: str, routing_key: str) -> None:
        """Make sure that a task sent to an exchange reaches a queue, as the application binds them.

        Raises kombu.exceptions.ChannelError when no queue is bound: the task would be lost.
        """
        if not self._lookup(exchange, routing_key):
            for queue in current_app.amqp.queues.values():
                queue(self).declare()
        if not self._lookup(exchange, routing_key):
            raise ChannelError(
                f"No queue is bound to exchange {exchange!r} for {routing_key!r}: declare one in CELERY_TASK_QUEUES.",
                (50, 10),
                "Channel.basic_publish",
                404,
            )

    def _put(self, queue: str, message: dict[str, Any], **kwargs: Any) -> None:
        if self._is_control(queue):
            self._put_control(queue, message)
            return
        message["properties"].setdefault("delivery_tag", self._next_delivery_tag())
        job = on_current_terms(new_job(queue, message))
        execution = Execution.current()
        if execution is None or not execution.takes(job):
            enqueue([job])

    def _put_fanout(self, exchange: str, message: dict[str, Any], routing_key: str, **kwargs: Any) -> None:
        for binding in self.control.bindings(exchange):
            self._put_control(binding.queue, message)

    def _put_control(self, queue: str, message: dict[str, Any]) -> None:
        message["properties"]["delivery_tag"] = self._next_delivery_tag()
        self.control.put(queue, dumps(message))
        if self.connection:
            self.connection.hint()

    # --- queues and bindings ------------------------------------------------------------------------

    def prepare_queue_arguments(self, arguments: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Keep what tells a control queue from a queue of tasks: it expires with its owner."""
        return {**arguments, "x-expires": kwargs["expires"]} if kwargs.get("expires") else arguments

    def _new_queue(self, queue: str, *, auto_delete: bool = False, **kwargs: Any) -> None:
        if auto_delete and "x-expires" in (kwargs.get("arguments") or {}):
            self._control_queues.add(queue)

    def _is_control(self, queue: str) -> bool:
        return queue in self._control_queues or queue.endswith(".pidbox") or queue.startswith("celeryev.")

    def _queue_bind(self, exchange: str, routing_key: str, pattern: str, queue: str) -> None:
        if self._is_control(queue):
            self._control_queues.add(queue)
            self.control.collect()
            self.control.bind(exchange, Binding(routing_key or "", pattern or "", queue))

    def get_table(self, exchange: str) -> list[tuple[str, str | None, str]]:
        """Return the bindings of an exchange: those declared here, and the control queues of all processes."""
        local = [meta for meta in super().get_table(exchange) if not self._is_control(meta[2])]
        return [*local, *self._control_bindings(exchange)]

    def _control_bindings(self, exchange: str) -> list[tuple[str, str | None, str]]:
        pattern_of = self.typeof(exchange).prepare_bind
        return [
            pattern_of(binding.queue, exchange, binding.routing_key, {}) for binding in self.control.bindings(exchange)
        ]

    def queue_delete(self, queue: str, if_unused: bool = False, if_empty: bool = False, **kwargs: Any) -> None:
        """Remove a control queue; the jobs of a durable one are purged."""
        if if_empty and self._size(queue):
            return
        if self._is_control(queue):
            self.control.delete(queue)
            self._control_queues.discard(queue)
        else:
            self._purge(queue)
        self.state.queue_bindings_delete(queue)

    def _size(self, queue: str) -> int:
        return self.control.size(queue) if self._is_control(queue) else waiting.count_waiting(queue)

    def queue_declare(self, queue: str | None = None, passive: bool = False, **kwargs: Any) -> Any:
        """Declare a queue; every name exists. Its depth is only counted when asked for passively."""
        name = queue or f"amq.gen-{self._next_delivery_tag()}"
        self._new_queue(name, **kwargs)
        depth = self._size(name) if passive else 0
        return virtual.base.queue_declare_ok_t(name, depth, 0)

    def _purge(self, queue: str) -> int:
        return waiting.purge(queue)

    # --- consuming -------------------------------------------------------------------------------------

    def basic_consume(
        self,
        queue: str,
        no_ack: bool,
        callback: Callable[[Message], Any],
        consumer_tag: str,
        **kwargs: Any,
    ) -> None:
        """Deliver what `queue` holds to `callback` from now on."""
        super().basic_consume(queue, no_ack, callback, consumer_tag, **kwargs)
        self._callbacks[queue] = callback
        self.connection.watch()

    def basic_cancel(self, consumer_tag: str) -> None:
        """Stop delivering to a consumer."""
        queue = self._tag_to_queue.get(consumer_tag)
        super().basic_cancel(consumer_tag)
        if queue is not None:
            self._callbacks.pop(queue, None)

    @property
    def job_queues(self) -> tuple[str, ...]:
        """The durable queues that this channel consumes."""
        return tuple(queue for queue in self._active_queues if not self._is_control(queue))

    @property
    def control_queues(self) -> tuple[str, ...]:
        """The control queues that this channel consumes."""
        return tuple(queue for queue in self._active_queues if self._is_control(queue))

    @property
    def free_slots(self) -> int:
        """How many more jobs may be delivered now."""
        limit = self._claim_limit
        return CLAIM_LIMIT_WITHOUT_PREFETCH if limit is None else max(0, limit - self.qos.delivered_count)

    @property
    def worthwhile_claim(self) -> int:
        """How many slots must be free before a claim is worth a commit, while others run."""
        return max(1, (self._claim_limit or 0) // 2)

    @property
    def _claim_limit(self) -> int | None:
        prefetch = self.qos.prefetch_count
        return prefetch + self.holdings.lookahead() if prefetch else None

    def deliver_jobs(self, messages: Sequence[JobMessage]) -> None:
        """Hand claimed jobs to their consumers."""
        for message in messages:
            self.qos.append(message, message.delivery_tag)
            callback = self._callbacks.get(message.job.queue)
            if callback is None:  # cancelled since the claim
                self.qos.reject(message.delivery_tag, requeue=True)
            else:
                callback(message)

    def take_control(self) -> list[tuple[str, dict[str, Any]]]:
        """Remove and return the control traffic that has come in, with the queues that it came to."""
        queues = self.control_queues
        return [(queue, json.loads(payload)) for queue, payload in self.control.take(queues)] if queues else []

    def _get(self, queue: str, timeout: float | None = None) -> dict[str, Any]:
        raise Empty

    def basic_get(self, queue: str, no_ack: bool = False, **kwargs: Any) -> Message | None:
        """Claim one job at once, or return None."""
        claimed = self.holdings.claim([queue], 1, self)
        if not claimed:
            return None
        message = claimed[0]
        if no_ack:
            self.holdings.complete(message)
        else:
            self.qos.append(message, message.delivery_tag)
        return message

    def message_to_python(self, raw_message: Any) -> Message:
        """Return a message as kombu's consumers take it."""
        return raw_message if isinstance(raw_message, Message) else self.Message(raw_message, channel=self)
