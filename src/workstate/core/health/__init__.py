"""Says whether the installation is well, and if not, what to do about it.

- `findings`: what a check has to say.
- `registry`: the checks by name and tag, and how they are run; `checks/` has them all.
- `breaker`: whether a server outside is there, as this process sees it.
- `selectors`: mode, queues, workers, schedules and dead letters, for `workstate status`.
- `views`: `/healthz` (the process answers) and `/readyz` (the database and its tables are there).
- `tasks.canary`: the job that proves that a worker runs jobs.

A check never raises for what it looks at: a database that cannot be opened is a finding. One that
fails in a way nobody foresaw becomes a finding too, and the other checks still run.
"""
