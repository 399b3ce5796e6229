"""Whether external calls wait for somebody to say what became of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import Error as DatabaseError

from workstate.core.external.selectors import count_awaiting_decision
from workstate.core.health.findings import Finding, Level
from workstate.core.health.registry import Context, check

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "external calls"


@check("external")
def external_calls(_context: Context) -> Iterator[Finding]:
    """Look for ambiguous calls that nobody but a person may resolve."""
    try:
        waiting = count_awaiting_decision()
    except DatabaseError:
        return  # the check of the database says so
    if not waiting:
        yield Finding(Level.OK, NAME, "none waits for a hand")
        return
    yield Finding(
        Level.WARNING,
        NAME,
        f"{waiting:,} {'is' if waiting == 1 else 'are'} ambiguous: nobody knows whether they happened",
        "they are not made again before somebody says what became of them",
        "workstate external list",
    )
