"""Makes Celery know `workstate://`. Light on purpose: every `celery` command imports it before anything else."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from kombu.transport import TRANSPORT_ALIASES

if TYPE_CHECKING:
    from collections.abc import Callable

ALIAS = "workstate"
LEDGER_URL = f"{ALIAS}://"
TRANSPORT = "workstate.core.plugin:Transport"
AMQP = "workstate.core.plugin:LedgerAMQP"


def register() -> None:
    """Let kombu resolve `workstate://`; applications that use another broker notice nothing."""
    TRANSPORT_ALIASES[ALIAS] = TRANSPORT


def keeps_jobs(app: Any) -> bool:
    """Tell whether `adopt` made the ledger keep the application's jobs."""
    return bool(app.amqp_cls == AMQP)


def keeps_results(app: Any) -> bool:
    """Tell whether the application's results are the ledger's; behind an outside broker, only then are its jobs."""
    return str(app.conf.result_backend or "").startswith(f"{ALIAS}:")


def adopt(app: Any) -> None:
    """Give a Celery application whose jobs the ledger keeps the short way into it, and late acknowledgement.

    They are the ledger's when it is the broker, or keeps the results behind an outside broker.
    A project that says nothing gets the jobs of a killed worker back; a task or a setting that
    says acks_late=False is taken at its word.
    """
    from workstate.core.relay import adoption

    if adoption.outside_urls(app):
        if not keeps_results(app):
            return
        adoption.put_ledger_behind(app)
    app.conf.maps[-1]["task_acks_late"] = True  # the application's own copy of Celery's defaults
    if app.amqp_cls != AMQP:
        app.amqp_cls = AMQP
        vars(app).pop("amqp", None)
        app.send_task = _naming_firsts(app.send_task)


def _naming_firsts(send_task: Callable[..., Any]) -> Callable[..., Any]:
    """Let the result of a unique call that came to nothing be that of the job which stands for it."""
    from workstate.core.jobs.uniqueness import noting_firsts

    @wraps(send_task)
    def send(*args: Any, **kwargs: Any) -> Any:
        with noting_firsts() as firsts:
            result = send_task(*args, **kwargs)
        if firsts:
            result.id = firsts.get(result.id, result.id)
        return result

    return send
