"""Celery's broker in the project's own database: the kombu transport `workstate://`.

- `transport` wakes up and takes turns on Celery's event loop; `channel` is kombu's contract.
- `holdings` is what this process has claimed and not yet closed; it writes closings in groups, with the next claim.
- `messages` turns kombu's messages into jobs and back; `amqp` is the short way in for `delay()`.
- `control` carries remote control and events, which may be lost, beside the ledger.
- `registration` makes Celery know all this; `sqlite_tuning` lets many processes share one SQLite file.

States and failures: see `workstate.core.jobs` for the jobs, and the module docstrings here for what a process holds.
"""
