"""Schedules: tasks that are enqueued at their due times, each due time exactly once.

A schedule is a row: a task with arguments, a timing (crontab, interval, recurrence rule or one
moment), a time zone, and `next_run_at`. It is written in code (`CELERY_BEAT_SCHEDULE`, kept in
step with its row at each start of a scheduler) or in the database (`services`), and may be
edited while schedulers run. Any number of schedulers run at once: `celery beat`, `worker -B`.

    enabled ──due──▶ enqueued, next_run_at moves on ──▶ … ──▶ ended (no next_run_at)
       │  ▲                    │
    disabled                   └──▶ halted (no next_run_at, and a problem that says why)

What became of a due time is a `ScheduleRun`: enqueued, duplicate (another job held the task's
unique key and stood for it), missed, or refused (Celery would not take it: the schedule goes on,
and `problem` says why). It is kept for 90 days.

**Exactly once.** In one transaction a scheduler locks the row, moves `next_run_at` on, records
the run under the unique key (schedule, due time), and inserts the job with a task id that follows
from that key. Two schedulers at one row, a scheduler killed at any point, a clock set back: the
second attempt finds the row locked, moved on, or the key taken, and leaves it. With a broker
and results that are not the ledger's (plain Redis) the message is outside of the
transaction: a scheduler that dies between the two sends it again, with the same task id.

**Times.** Wall-clock times hold in the schedule's zone. A time that the clock skips in spring is
due once, as much later as the clock jumps; one that it shows twice in autumn is due once, at the
first showing, unless the timing is due in every hour (then it goes on through both). Intervals
are absolute: an hour is an hour. They count from `starts_at` and not from the last restart, so a
due time is the same whoever works it out. A scheduler sleeps until the next due time, for at most
a second, and a change wakes it.

**What was missed** while no scheduler ran follows the schedule's rule, within its window: run
once (the default), run all, or skip (see `catch_up`). A change of the times, or switching on
again, starts from the next due time and catches nothing up.

When things fail: without the database or the broker a scheduler waits, with growing pauses up to
five seconds, logs the outage once when it begins and once when it ends, and then catches up. A
schedule that can't be worked out any more (a timing edited by hand, a zone that is gone) halts
alone; the others go on. A task that nobody knows is enqueued all the same, and the scheduler
says at its start that no such task is registered with it. A scheduler holds a lease among the
processes that its own ticks renew, so `status` sees one that died, and one that hangs.
"""
