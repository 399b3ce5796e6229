"""Ties the ledger into every Celery worker and client of this Django project."""

from __future__ import annotations

import atexit
from typing import Any

from celery import signals
from celery._state import _get_active_apps, connect_on_app_finalize  # type: ignore[attr-defined]  # not in its stubs
from celery.app.task import Task

from workstate.core.broker import registration
from workstate.core.jobs import interruptions
from workstate.core.worker import retrying


def install() -> None:
    """Make `workstate://` known, and have workers take and close their jobs through the ledger."""
    registration.register()
    retrying.install()
    for app in list(_get_active_apps()):
        registration.adopt(app)
    connect_on_app_finalize(registration.adopt)  # those that are made later
    signals.worker_init.connect(_on_worker_init, dispatch_uid="workstate.worker_init")
    signals.worker_shutdown.connect(_on_worker_shutdown, dispatch_uid="workstate.worker_shutdown")


def _on_worker_init(sender: Any, **kwargs: Any) -> None:
    # The strategy is imported before the pool forks: bundles are cut through memory that the children share.
    from workstate.core.relay.steps import OutsideBrokerStep
    from workstate.core.worker import control, identity, strategy
    from workstate.core.worker.cancelling import CancelStep
    from workstate.core.worker.draining import DrainStep
    from workstate.core.worker.interrupting import InterruptStep
    from workstate.core.worker.pruning import PruneStep
    from workstate.core.worker.tasks import registry

    Task.Strategy = f"{strategy.__name__}:{strategy.ledger_strategy.__name__}"
    registration.adopt(sender.app)
    sender.app.steps["worker"].update({DrainStep, CancelStep, InterruptStep, PruneStep})
    sender.app.steps["consumer"].add(OutsideBrokerStep)
    interruptions.install()
    identity.introduce(sender)
    control.install()
    registry.install(sender.app)


def _on_worker_shutdown(**kwargs: Any) -> None:
    _stop_holdings()


@atexit.register
def _stop_holdings() -> None:
    from workstate.core.broker.holdings import Holdings

    for holdings in Holdings.all_of_process():
        holdings.stop()
