"""How long PostgreSQL may be silent before a connection to it counts as broken.

A host that vanishes closes nothing. The kernel waits a quarter of an hour for what was sent to it, two hours for what
it is to send, and a thread that waits for its answer as long. With these options of libpq it is about ten seconds,
whichever side is due.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE = {
    "connect_timeout": 5,
    # An answer that does not come: the first probe after 5 s, then one each 2 s.
    "keepalives": 1,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    # A statement that does not arrive.
    "tcp_user_timeout": 10_000,
}


def impatient(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return libpq's options with a time-out wherever they leave one open."""
    return {**PATIENCE, **options}
