"""The attempt ledger: calls that cost money or leave the house, each made once as far as anybody can know.

A mail that was sent, a card that was charged, a model that was asked can't be rolled back, and a
process may die at any moment. So each such call is a row, under a key that names it for ever
within its purpose, and what happens to it is a declared `ExternalWork`: `send` makes the call,
`apply` does what follows from the answer.

    planned ──send──▶ sent ──answer──▶ answered ──apply──▶ applied
       ▲               │ ├──refused──────┴───────────────▶ failed
       └──repeated─────┴─┴──▶ ambiguous ──resolved──▶ planned, answered, applied, failed

**Sent once.** Of many that ask for a key at the same time, one moves the row from `planned` to
`sent`, and commits before it sends. Network calls inside a transaction are refused.

**Paid once.** The answer is stored as it came, before anybody reads it. When `apply` fails, or the
process dies before it, it is applied again from what is stored. `apply` and the state `applied`
commit together.

**When nobody knows.** A process that dies after `sent`, or a `send` that raises, leaves a call that may
have happened: it is `ambiguous`, and the work has declared what then: never repeat, repeat (up to
`max_sends`), or ask. An answer that comes after all is taken, unless the call was sent again or
resolved in between: then it is logged as an error.

Who is gone is told by the ledger of jobs: a call holds the token of the attempt that sent it. A
sender that is no job counts as gone when `longest_send` has passed. The task itself comes back to
its call when it is rescued or retried; a sweep in every worker finds the calls of those that don't.

Not promised: exactly once. Between the two sides of a network there is no such thing. And on
SQLite with `synchronous=NORMAL`, as it ships, a power cut may take the last commits, `sent` among
them; with FULL it does not.
"""
