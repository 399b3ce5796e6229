"""The ledger: one row for each job, from enqueue to end.

    scheduled ──due──▶ available ──claim──▶ executing ──▶ completed
                           ▲                    │ ├──▶ retryable ──due──▶ available
                           └─ rescued, released ┘ ├──▶ discarded
                                                  └──▶ cancelled

- **Enqueue** is an INSERT on the caller's connection: it commits or rolls back with the caller's data.
- A **claim** gives a job to a process and counts its attempt. (process, attempt) is the token that every later
  write names, so whoever was declared dead can change nothing.
- A **closing** ends the attempt. A retry carries the next message, in the same row.
- **Lost**: the process died. The job is available again, or discarded when it has lost as many attempts as it may.

When things fail: each method of `ledger.Ledger` is one transaction or part of the caller's, so a job is before
or after a move, never between. What is not promised is that a task's side effects happen once: a worker may die
after the effect and before the closing.
"""
