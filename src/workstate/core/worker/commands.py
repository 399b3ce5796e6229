"""`celery -A … jobs`: what the ledger holds, for any project. Also makes every `celery` command know `workstate://`."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

import click
from celery.bin.call import call
from celery.bin.control import control, inspect, status
from celery.bin.purge import purge

from workstate.core.broker import registration

if TYPE_CHECKING:
    from collections.abc import Callable


def _through_ledger(run: Callable[..., Any]) -> Callable[..., Any]:
    """Have a command of Celery's go through the ledger where an outside broker stands before it.

    Such a command connects to that broker at once, and nothing else would set Django up before.
    """

    @wraps(run)
    def run_with_django(*args: Any, **kwargs: Any) -> Any:
        if registration.keeps_results(click.get_current_context().obj.app):
            import workstate.core.plugin  # noqa: F401  sets Django up, which has the ledger adopt the application
        return run(*args, **kwargs)

    return run_with_django


registration.register()
for command in (purge, call, control, inspect, status):
    assert command.callback is not None
    command.callback = _through_ledger(command.callback)


@click.command()
def jobs() -> None:
    """Count the ledger's jobs by queue and state."""
    import django
    from django.apps import apps

    if not apps.ready:
        django.setup()
    from django.db.models import Count

    from workstate.core.jobs.models import Job

    rows = Job.objects.values_list("queue", "state").annotate(count=Count("id")).order_by("queue", "state")
    for queue, state, count in rows:
        click.echo(f"{queue:<24}{state:<12}{count:>10,}")
    if not rows:
        click.echo("The ledger holds no jobs.")
