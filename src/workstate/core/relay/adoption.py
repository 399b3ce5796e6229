"""How an application with an outside broker is made to keep its jobs in the ledger: settings, and nothing else."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from kombu.utils.functional import maybe_list

from workstate.core.broker.registration import ALIAS, LEDGER_URL
from workstate.core.jobs.enqueue import carry_with

if TYPE_CHECKING:
    from collections.abc import Sequence

    from workstate.core.jobs.enqueue import Carrier

REDIS_SCHEMES = frozenset({"redis", "rediss", "valkey", "valkeys", "sentinel", "socket", "redis+socket"})
CONNECT_SECONDS = 1.0
"""How long a worker tries to connect before it takes the next broker of its list."""
ANSWER_SECONDS = 2.0
"""How long a worker waits for an answer on a connection."""


def outside_urls(app: Any) -> list[str]:
    """Return the addresses of the outside broker that publishers use; empty when the ledger is the broker."""
    return _outside(app.conf.broker_write_url)


def is_redis(urls: Sequence[str]) -> bool:
    """Tell whether the addresses are Redis's, whose messages wait in lists that can be looked at."""
    return bool(urls) and urlsplit(urls[0]).scheme in REDIS_SCHEMES


def put_ledger_behind(app: Any) -> None:
    """Put the ledger behind the outside broker: in what publishers do, and in the fail-over list of connections."""
    conf = app.conf
    read, write = _outside(conf.broker_read_url), _outside(conf.broker_write_url)
    conf.broker_read_url = [*read, LEDGER_URL]
    conf.broker_write_url = [*write, LEDGER_URL]
    defaults = conf.maps[-1]  # the application's own copy of Celery's defaults: what a project says stays
    defaults["broker_connection_timeout"] = CONNECT_SECONDS
    defaults["broker_connection_retry_on_startup"] = True
    defaults["broker_connection_max_retries"] = None
    if is_redis(write):
        conf.broker_transport_options = {
            "socket_connect_timeout": CONNECT_SECONDS,
            "socket_timeout": ANSWER_SECONDS,
            "socket_keepalive": True,
            # The ledger knows what was delivered and not done, so Redis need not.
            "ack_emulation": False,
            **(conf.broker_transport_options or {}),
        }
    carry_with(partial(_publisher_of, app))


def _publisher_of(app: Any) -> Carrier:
    from workstate.core.relay.publisher import Publisher  # needs models

    return Publisher.of_process(app)


def _outside(value: Any) -> list[str]:
    urls = [url for part in maybe_list(value) or [] for url in str(part).split(";")]
    return [url for url in urls if url and not url.startswith(f"{ALIAS}:")]
