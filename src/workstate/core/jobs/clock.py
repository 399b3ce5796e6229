"""The ledger's clock: moments are aware and in UTC, whatever the project's USE_TZ and TIME_ZONE say."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Return the present moment."""
    return datetime.now(UTC)
