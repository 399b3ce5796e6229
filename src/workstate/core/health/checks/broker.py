"""Whether the outside broker, if there is one, answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from celery import current_app

from workstate.core.health.findings import Finding, Level
from workstate.core.health.registry import Context, check
from workstate.core.relay.adoption import outside_urls
from workstate.core.relay.courier import BrokerAwayError, Courier

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "broker"


@check("broker")
def broker(_context: Context) -> Iterator[Finding]:
    """Ask the broker in front of the ledger for a sign of life."""
    urls = outside_urls(current_app)
    if not urls:
        yield Finding(Level.OK, NAME, "none in front of the ledger: jobs are claimed from the database")
        return
    address = ", ".join(current_app.connection_for_write(url).as_uri() for url in urls)
    courier = Courier(current_app)
    try:
        courier.ping()
    except BrokerAwayError as error:
        yield Finding(
            Level.WARNING,
            NAME,
            f"{address} does not answer: {error}",
            "jobs run through the database meanwhile, and through the broker again by themselves when it is back",
            "workstate status",
        )
    else:
        yield Finding(Level.OK, NAME, f"{address} answers")
    finally:
        courier.close()
