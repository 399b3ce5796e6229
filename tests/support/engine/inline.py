"""A worker without processes: it claims through the real channel and runs through the real request, in the test."""

from __future__ import annotations

import os
from time import monotonic
from typing import TYPE_CHECKING, Any

from billiard.einfo import ExceptionInfo
from billiard.exceptions import WorkerLostError
from celery.worker.request import Request

from workstate.core.broker.holdings import Holdings
from workstate.core.jobs.connections import ledger_alias, private_connection
from workstate.core.jobs.ledger import ledger_on
from workstate.core.worker.request import LedgerRequest, ledger_request

if TYPE_CHECKING:
    from celery import Celery

    from workstate.core.broker.messages import JobMessage


class InlinePool:
    """Runs what it is given at once, as the solo pool does."""

    def apply_async(
        self,
        target: Any,
        args: Any,
        accept_callback: Any,
        callback: Any,
        error_callback: Any,
        **options: Any,
    ) -> None:
        accept_callback(os.getpid(), monotonic())
        try:
            outcome = target(*args)
        except Exception:  # noqa: BLE001  as a pool: whatever it is goes to the callback
            error_callback(ExceptionInfo())
        else:
            callback(outcome)


class DroppingPool(InlinePool):
    """Loses its process under every job."""

    def apply_async(
        self, target: Any, args: Any, accept_callback: Any, callback: Any, error_callback: Any, **options: Any
    ) -> None:
        accept_callback(os.getpid(), monotonic())
        try:
            self._lose()
        except WorkerLostError:
            error_callback(ExceptionInfo())

    @staticmethod
    def _lose() -> None:
        raise WorkerLostError("signal 9 (SIGKILL)")


class InlineWorker:
    """Claims jobs and runs them one after the other."""

    def __init__(self, app: Celery) -> None:
        self.app = app
        self.connection = app.connection_for_read()
        self.channel = self.connection.channel()
        self.holdings = Holdings.of_process(ledger_alias())
        self.ledger = ledger_on(private_connection(ledger_alias()))
        self.pool: Any = InlinePool()

    def claim(self, limit: int = 100, queue: str = "celery") -> list[JobMessage]:
        return self.holdings.claim([queue], limit, self.channel)

    def receive(self, message: JobMessage) -> LedgerRequest:
        """Make Celery's request of a message."""
        task = self.app.tasks[message.headers["task"]]
        self.channel.qos.append(message, message.delivery_tag)
        return ledger_request(Request)(
            message,
            holdings=self.holdings,
            bundler=None,
            on_ack=message.ack_log_error,
            on_reject=message.reject_log_error,
            app=self.app,
            hostname="inline",
            eventer=None,
            task=task,
            connection_errors=(),
            body=message.body,
            headers=message.headers,
            decoded=False,
            utc=True,
        )

    def run(self, message: JobMessage) -> LedgerRequest:
        request = self.receive(message)
        request.execute_using_pool(self.pool)
        self.holdings.flush()
        return request

    def drain(self, limit: int = 200) -> int:
        """Run jobs until there are none left to claim, or `limit` ran; returns how many."""
        ran = 0
        while ran < limit and (messages := self.claim(1)):
            self.run(messages[0])
            ran += 1
        return ran

    def close(self) -> None:
        self.connection.close()
