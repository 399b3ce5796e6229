"""`manage.py test_celery`: run a task, in this process or through a worker."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from celery import current_app
from celery.exceptions import TimeoutError as ResultTimeoutError
from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError
from kombu.exceptions import OperationalError

from workstate.core.health.tasks import canary

if TYPE_CHECKING:
    import argparse

SONG = "tweet"
PATIENCE_SECONDS = 10.0


class Command(BaseCommand):
    """Runs the canary and says how long it took; the exit code is 1 when it did not come back."""

    help = "Run a task in this process or, with --async, through a worker."
    requires_system_checks = ()

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add what makes it asynchronous, and how patient it is."""
        parser.add_argument("--async", action="store_true", dest="is_async", help="send it to a worker and wait")
        parser.add_argument(
            "--timeout",
            type=float,
            default=PATIENCE_SECONDS,
            metavar="SECONDS",
            help="how long to wait for a worker (default: %(default)s)",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run the canary the way that was asked for."""
        began_at = time.monotonic()
        where = self._through_a_worker(options["timeout"]) if options["is_async"] else self._in_this_process()
        milliseconds = (time.monotonic() - began_at) * 1000
        self.stdout.write(self.style.SUCCESS(f"{canary.name} ran {where} in {milliseconds:.0f} ms."))

    def _in_this_process(self) -> str:
        canary.apply(args=(SONG,)).get()
        return "in this process"

    def _through_a_worker(self, patience_seconds: float) -> str:
        try:
            result = canary.apply_async(args=(SONG,), expires=patience_seconds)
            self.stdout.write(f"Sent {result.id}, waiting for a worker.")
            result.get(timeout=patience_seconds)
        except ResultTimeoutError as error:
            raise CommandError(
                f"No worker answered within {patience_seconds:g} s. Is one running, and does it take from the queue "
                f"{current_app.conf.task_default_queue}? Start one: celery -A {current_app.main} worker --loglevel=info"
            ) from error
        except (DatabaseError, OperationalError) as error:
            raise CommandError(f"The task could not be sent: {str(error).strip()}") from error
        return "on a worker"
