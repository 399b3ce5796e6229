"""An outside broker (Redis, RabbitMQ) in front of the ledger: what carries jobs to workers while it is there.

    enqueue: INSERT, noted as handed over ──commit──▶ publisher's thread ──▶ broker ──▶ worker claims ──▶ runs
    due, retried, rescued, admitted, left behind: in the table ──relay of any worker──▶ broker ──▶ …

- `adoption`: how an application's settings become full mode. `courier`: messages to the broker, in Celery's format.
- `publisher`: hands over what this process enqueued, after its commit, in a thread; nobody waits for the broker.
- `relay`: runs in every worker; hands over what lies in the table, and takes back what the broker lost.
- `presence`: whether the broker is there, for all to see, in a table; `health/breaker` is what one process sees.
- `intake`: claims in the ledger what the broker delivered, many in one commit, before anything runs.
- `connections`: `celery purge` cancels the waiting jobs besides deleting their messages.
- `silence`: nothing waits for a broker that is away, and its outage takes a few lines of the log.
- `steps`: ties it into the worker's event loop: fail-over, fail-back.

When things fail:

- The broker is away: the breaker opens, jobs are inserted for the table, and workers connect to `workstate://`, the
  next in kombu's own fail-over list, where they claim whatever is available: what was handed over too.
- It comes back: the breaker of each process closes, workers connect to it again, relays hand over what lies in
  the table. A message is a ticket: who gets it claims the job whose turn it is, so one that comes twice, or late,
  starts nothing twice.
- It lost messages (flushed, restarted empty or from an old snapshot, a worker died with a message in its hands):
  a queue is empty there and yet jobs of it were handed over seconds ago that nobody claimed. They are taken back
  into the table and handed over again.
- A process dies between its commit and the broker: the same.
"""
