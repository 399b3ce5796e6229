"""How a worker receives jobs of the ledger: Celery's steps, without what the ledger has done already.

Celery's own strategy can't be extended (it builds its request class inline), and holds
ETA tasks in memory; here a job is only claimed once it is due.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from celery import signals
from celery.app import trace
from celery.worker import state as worker_state
from celery.worker.strategy import default as celery_strategy
from kombu.utils.imports import symbol_by_name

from workstate.core.broker.holdings import Holdings
from workstate.core.broker.messages import JobMessage
from workstate.core.jobs.connections import ledger_alias
from workstate.core.jobs.renewal import REPLAYS
from workstate.core.worker.bundles import Bundler
from workstate.core.worker.request import ledger_request

if TYPE_CHECKING:
    from collections.abc import Callable

logger = logging.getLogger("celery.worker.strategy")


def ledger_strategy(task: Any, app: Any, consumer: Any) -> Callable[..., None]:
    """Return the handler of messages for `task`; what is no job gets Celery's own."""
    celerys_own = celery_strategy(task, app, consumer)
    request_class = ledger_request(symbol_by_name(task.Request))
    bundler = Bundler.for_worker(consumer.controller)
    eventer = consumer.event_dispatcher
    alias = ledger_alias()
    revoked = consumer.controller.state.revoked

    def receive(message: Any, body: Any, ack: Any, reject: Any, callbacks: Any, **kwargs: Any) -> None:
        if not isinstance(message, JobMessage):
            celerys_own(message, body, ack, reject, callbacks, **kwargs)
            return
        holdings = Holdings.of_process(alias)
        if bundler:
            holdings.lookahead = bundler.lookahead
        try:
            request = request_class(
                message,
                holdings=holdings,
                bundler=bundler,
                on_ack=ack,
                on_reject=reject,
                app=app,
                hostname=consumer.hostname,
                eventer=eventer,
                task=task,
                connection_errors=consumer.connection_errors,
                body=message.body,
                headers=message.headers,
                decoded=False,
                utc=True,
            )
        except Exception as error:
            # Whatever Celery makes of it, the job is not done: it becomes a dead letter.
            holdings.discard(message, reason=f"unreadable message: {error}"[:255])
            raise
        _log_received(request)
        if _is_revoked(request, revoked):
            return
        signals.task_received.send(sender=consumer, request=request)
        if eventer and eventer.enabled and task.send_events:
            _send_received(eventer, request)
        bucket = None if consumer.disable_rate_limits else consumer.task_buckets[task.name]
        if bucket:
            consumer._limit_task(request, bucket, 1)  # noqa: SLF001  Celery's own strategy calls it too
            return
        worker_state.task_reserved(request)
        for callback in callbacks or ():
            callback(request)
        if bundler and request.may_travel:
            bundler.offer(request)
        consumer.on_task_request(request)

    return receive


def _is_revoked(request: Any, revoked: Any) -> bool:
    if request.id in revoked and request.held.headers.get(REPLAYS):
        revoked.discard(request.id)  # it was replayed since; the ledger knows of later wishes
    return bool((request.expires or request.id in revoked) and request.revoked())


def _log_received(request: Any) -> None:
    if logger.isEnabledFor(logging.INFO):
        context = {
            "id": request.id,
            "name": request.name,
            "args": request.argsrepr,
            "kwargs": request.kwargsrepr,
            "eta": None,
        }
        logger.info(trace.LOG_RECEIVED, context, extra={"data": context})


def _send_received(eventer: Any, request: Any) -> None:
    eventer.send(
        "task-received",
        uuid=request.id,
        name=request.name,
        args=request.argsrepr,
        kwargs=request.kwargsrepr,
        root_id=request.root_id,
        parent_id=request.parent_id,
        retries=request.request_dict.get("retries", 0),
        eta=None,
        expires=request.expires and request.expires.isoformat(),
    )
