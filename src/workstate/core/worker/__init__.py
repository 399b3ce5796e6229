"""What runs inside a Celery worker, around the tasks.

- `strategy` and `request`: how a job becomes Celery's request, and how its end becomes a closing.
- `execution`: the pool process's side. `bundles`: small jobs that travel together.
- `lease` and `rescuer`: staying alive, and taking over from those who did not.
- `results`: the result backend. `control`: revokes that a restart does not forget.
- `setup` ties it all into Celery's signals; `commands` is `celery -A … jobs`.

When a worker dies: its lease runs out after 15 s, or another worker on the same machine sees within 3 s that its
process is gone; whoever sees it first gives its jobs back. When it was only silent, its closings come too late and
change nothing.
"""
