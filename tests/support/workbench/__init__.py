"""Real brokers, databases and Celery processes for tests, one deployment at a time.

A `Lane` says who carries the messages (plain Celery on Redis as the reference, or
`workstate://` on SQLite or PostgreSQL). A `Deployment` is one lane made concrete: a
broker and a database of its own, the processes that run on it, and a client process
whose objects a test uses as if they were here (`deployment.celery.tasks.add.delay(2, 3)`).

Tests wait on what can be seen from outside (results, effects that tasks recorded,
rows of the ledger), never on a sleep. A deployment that closes leaves no process behind.
"""
