"""The scheduler that `celery beat` and `celery worker -B` run.

Set as CELERY_BEAT_SCHEDULER, or given as `-S workstate.core.schedules.scheduler:LedgerScheduler`.
It keeps no file: everything it knows is in the database.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any

from celery.beat import Scheduler
from django.db import Error as DatabaseError
from django.db import close_old_connections, connections, router
from django.utils import timezone

from workstate.core.jobs import interruptions
from workstate.core.jobs.interruptions import uninterrupted
from workstate.core.schedules import selectors, services
from workstate.core.schedules.celery_enqueue import CeleryEnqueue
from workstate.core.schedules.code_entries import Fields, read_entries, sync_entries
from workstate.core.schedules.enqueuer import OUTAGE_ERRORS, ScheduleEnqueuer
from workstate.core.schedules.models import Schedule
from workstate.core.schedules.presence import SchedulerPresence
from workstate.core.wakeup import Watcher, open_watcher
from workstate.core.wakeup.backoff import Backoff
from workstate.core.wakeup.outage import Outage

if TYPE_CHECKING:
    from datetime import datetime

    from celery import Celery

logger = logging.getLogger(__name__)

# Schedules are looked at this often even when no change was heard of.
LONGEST_SLEEP_SECONDS = 1.0
# What is due may be in the hands of another scheduler: then it is not asked for without a pause.
SHORTEST_PAUSE_SECONDS = 0.01
# On SQLite every commit of any process wakes; so many wake-ups a second are enough.
SECONDS_BETWEEN_WAKE_UPS = 0.05


class LedgerScheduler(Scheduler):
    """Enqueues what is due, and sleeps until the next due time, a change, or a second is over."""

    max_interval = int(LONGEST_SLEEP_SECONDS)

    def __init__(self, app: Celery, **kwargs: Any) -> None:
        self._enqueue = CeleryEnqueue(app)
        self._enqueuer = ScheduleEnqueuer(self._enqueue)
        self._presence = SchedulerPresence()
        self._outage = Outage("The schedules' database or broker")
        self._backoff = Backoff()
        self._changed = threading.Event()
        self._watcher: Watcher | None = None
        self._is_in_step = False
        self._is_ticking = False
        self._entries: dict[str, Fields] = {}
        interruptions.install()  # Celery makes its scheduler before it installs beat's handlers
        super().__init__(app, **kwargs)

    @property
    def info(self) -> str:
        """One line of the banner."""
        return f"    . schedules -> database {router.db_for_write(Schedule)!r}, table {Schedule._meta.db_table}"  # noqa: SLF001  Django's documented API

    def setup_schedule(self) -> None:
        """Read CELERY_BEAT_SCHEDULE; raises a ScheduleError for an entry that is wrong."""
        configured = self.app.conf.beat_schedule
        self.install_default_entries(configured)
        defaults = {name: _as_configured(entry) for name, entry in self.schedule.items()}
        self._entries = read_entries(defaults | configured, time_zone=str(self.app.timezone))

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Do what is due, then sleep; always asks to be called again at once."""
        self._is_ticking = True
        try:
            with uninterrupted:  # else beat would end between a BEGIN and what Django notes of it
                seconds = self._work()
            self._sleep(seconds)
        finally:
            self._is_ticking = False
        return 0.0

    def close(self) -> None:
        """Give the lease back. Celery calls this in its signal handler as well as at the end.

        A tick that the handler interrupts is left to the second call.
        """
        if self._is_ticking:
            return
        super().close()
        self._enqueue.close()
        if self._watcher is not None:
            self._watcher.stop()
        try:
            self._presence.end()
        except DatabaseError as error:
            logger.warning("The scheduler could not say that it stops; its lease runs out: %s", error)

    def _work(self) -> float:
        """Do what is due and return how long to sleep."""
        try:
            self._changed.clear()
            close_old_connections()
            self._presence.renew()
            self._keep_in_step()
            next_due_at = self._enqueue_due()
        except (*OUTAGE_ERRORS, DatabaseError) as error:
            self._outage.begin(error)
            self._enqueue.close()
            connections.close_all()
            return self._backoff.next_seconds()
        self._outage.end()
        self._backoff.reset()
        return self._seconds_until(next_due_at)

    def _keep_in_step(self) -> None:
        """Bring the code's schedules into the database, once, and watch for changes from then on."""
        if self._is_in_step:
            return
        result = sync_entries(self._entries)
        logger.info(
            "Schedules of the code: %d, of these %d new and %d changed; %d removed",
            len(self._entries),
            len(result.added),
            len(result.changed),
            len(result.removed),
        )
        for schedule in selectors.list_schedules_of_unknown_tasks(self.app.tasks):
            logger.warning("Schedule %s: no task %s is registered here", schedule.name, schedule.task)
        self._watcher = open_watcher(router.db_for_write(Schedule), services.CHANNEL, self._changed.set)
        self._watcher.start()
        self._is_in_step = True

    def _enqueue_due(self) -> datetime | None:
        """Enqueue what is due and return when something will be due next."""
        next_due_at = selectors.find_next_due_at()
        if next_due_at is None or next_due_at > timezone.now():
            return next_due_at
        self._enqueue.connect()
        self._enqueuer.tick(timezone.now())
        return selectors.find_next_due_at()

    def _seconds_until(self, next_due_at: datetime | None) -> float:
        if next_due_at is None:
            return LONGEST_SLEEP_SECONDS
        return min(max((next_due_at - timezone.now()).total_seconds(), 0.0), LONGEST_SLEEP_SECONDS)

    def _sleep(self, seconds: float) -> None:
        at_least = max(min(seconds, SECONDS_BETWEEN_WAKE_UPS), SHORTEST_PAUSE_SECONDS)
        time.sleep(at_least)
        self._changed.wait(max(seconds - at_least, 0.0))


def _as_configured(entry: Any) -> dict[str, Any]:
    return {"task": entry.task, "schedule": entry.schedule, "options": entry.options}
