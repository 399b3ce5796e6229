"""Limits: how many jobs of one key may run at once, and how often one may start, across all workers.

    @shared_task(limit=LimitedTo(concurrency=2, key=lambda organisation_id, **_: f"organisation:{organisation_id}"))
    @shared_task(limit=LimitedTo(rate="10/m"))

A limited job is inserted into a lane of its own, `limited`, which no worker claims from. It is **admitted**, moved to
the lane of all others, when there is a place for it: so a full limit holds up nobody behind it, and a claim costs what
it costs without limits.

    enqueued ──▶ limited ──admit──▶ database ──claim──▶ executing ──ends──▶ its place is the next one's
                    ▲                                       │
                    └──────────── retried, put off ─────────┘

Who admits, one at a time for each key, first come first served within a priority: whoever enqueues, after its commit;
the worker that writes a job's end, in the same transaction; the worker that finds a retry due, or a rate's next moment
come; and every worker every few seconds, for keys that have both a place and somebody waiting.

When things fail: places are counted, not kept. Whatever dies wherever, the count is what the rows say, and somebody
admits within seconds. A rescued job has its place still.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.db import Error as DatabaseError
from django.db import connections, transaction

from workstate.core.jobs.records import LimitRule
from workstate.core.jobs.unique import fitting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from workstate.core.jobs.ledger import Ledger

logger = logging.getLogger(__name__)

RATE = re.compile(r"([1-9]\d*)/([smhd])")
UNIT_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitedTo:
    """How many jobs may run at once, how often one may start (`"10/m"`: also per s, h, d), and of which key.

    `key` gets a call's arguments and returns a text; tasks whose keys are the same share the limit. Without it, or
    when the text is empty, the limit is the task's own. Raises ValueError for what makes no limit.
    """

    concurrency: int | None = None
    rate: str | None = None
    key: Callable[..., str] | None = None

    def __post_init__(self) -> None:
        """Refuse what makes no limit."""
        if self.concurrency is None and self.rate is None:
            raise ValueError("A limit needs a concurrency, a rate or both.")
        if self.concurrency is not None and self.concurrency < 1:
            raise ValueError(f"A concurrency of {self.concurrency} would let nothing run: pause the queue instead.")
        if self.rate is not None:
            _parsed(self.rate)

    def rule_for(self, name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> LimitRule:
        """Return the limit that one call has to keep within."""
        count, seconds = (None, None) if self.rate is None else _parsed(self.rate)
        key = fitting("" if self.key is None else str(self.key(*args, **kwargs))) or fitting(name)
        return LimitRule(key=key, concurrency=self.concurrency, rate_count=count, rate_seconds=seconds)


def admit_after_commit(ledger: Ledger, rules: set[LimitRule]) -> None:
    """Admit what there is room for once the present transaction has committed, in a short one of its own.

    Not before: whoever admits holds the key until its commit, and the workers need it for each job that ends.
    """
    connection = ledger.connection
    if connection is connections[connection.alias]:

        def admit() -> None:
            with transaction.atomic(using=connection.alias):
                _admit(ledger, rules)

    else:

        def admit() -> None:
            with ledger.transaction():
                _admit(ledger, rules)

    def admit_or_leave() -> None:
        try:
            admit()
        except DatabaseError as error:  # the jobs are committed, and every worker looks after them
            logger.warning("Limited jobs wait for a worker to admit them: %s", error)

    ledger.on_commit(admit_or_leave)


def _admit(ledger: Ledger, rules: set[LimitRule]) -> None:
    for rule in rules:
        ledger.change_limit(rule)
    ledger.admit({rule.key for rule in rules})


@lru_cache(maxsize=1024)
def _parsed(rate: str) -> tuple[int, float]:
    match = RATE.fullmatch(rate)
    if match is None:
        raise ValueError(f'A rate reads like "10/s", "10/m", "10/h" or "10/d", not {rate!r}.')
    return int(match[1]), UNIT_SECONDS[match[2]]
