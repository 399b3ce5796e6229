"""Inserts jobs on their terms: ordinary ones at once, unique ones if their key is free, limited ones into line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workstate.core.jobs.limits import admit_after_commit
from workstate.core.jobs.uniqueness import enqueue_unique

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workstate.core.jobs.ledger import Ledger
    from workstate.core.jobs.records import NewJob


def insert(ledger: Ledger, jobs: Sequence[NewJob], *, hands_over: bool = False) -> None:
    """Insert jobs, whatever their terms; within a transaction unless all of them are ordinary and one statement."""
    ordinary = [job for job in jobs if job.unique_key is None]
    if len(ordinary) < len(jobs) or any(job.limit_rule for job in ordinary):
        _insert_on_terms(ledger, jobs, ordinary, hands_over=hands_over)
    else:
        ledger.insert(ordinary, hands_over=hands_over)


def _insert_on_terms(ledger: Ledger, jobs: Sequence[NewJob], ordinary: Sequence[NewJob], *, hands_over: bool) -> None:
    rules = {job.limit_rule for job in jobs if job.limit_rule is not None}
    # Rules and unique keys go in their order, so that two who insert the same never wait for each other.
    for rule in sorted(rules, key=lambda rule: rule.key):
        ledger.declare_limit(rule)
    if ordinary:
        ledger.insert(ordinary, hands_over=hands_over)
    for job in sorted((job for job in jobs if job.unique_key is not None), key=lambda job: str(job.unique_key)):
        enqueue_unique(ledger, job)
    if rules:
        admit_after_commit(ledger, rules)
