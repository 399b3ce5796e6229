"""Durable background work for any Django project: Celery's tasks, in the project's own database.

- `jobs`: the ledger. A row is a job's message, its result and its history; every change of state happens here.
- `broker`: the kombu transport `workstate://` over the ledger.
- `worker`: what runs inside a Celery worker: leases, rescue, bundles, the result backend.
- `schedules`: what is enqueued when.
- `wakeup`: the hint that something was committed.
- `live`: the event log and its sockets.
- `health`: checks and counts that doctor, status and the pages share.

It knows nothing of the product around it.
"""
