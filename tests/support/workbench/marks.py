"""Which lanes a test runs on."""

from __future__ import annotations

import pytest

SQLITE = pytest.param("sqlite", id="sqlite")
POSTGRESQL = pytest.param("postgresql", id="postgresql", marks=pytest.mark.postgresql)
REDIS = pytest.param("redis", id="redis", marks=pytest.mark.redis)

REDIS_OVER_SQLITE = pytest.param("redis-over-sqlite", id="redis-over-sqlite", marks=pytest.mark.redis)
REDIS_OVER_POSTGRESQL = pytest.param(
    "redis-over-postgresql", id="redis-over-postgresql", marks=[pytest.mark.redis, pytest.mark.postgresql]
)
RABBITMQ_OVER_POSTGRESQL = pytest.param(
    "rabbitmq-over-postgresql", id="rabbitmq-over-postgresql", marks=[pytest.mark.rabbitmq, pytest.mark.postgresql]
)

EMBEDDED_LANES = (SQLITE, POSTGRESQL)
FULL_LANES = (REDIS_OVER_SQLITE, REDIS_OVER_POSTGRESQL, RABBITMQ_OVER_POSTGRESQL)
ALL_LANES = (REDIS, *EMBEDDED_LANES, *FULL_LANES)

#: For what plain Celery on Redis does not promise.
ledger_only = pytest.mark.parametrize("lane", [*EMBEDDED_LANES, *FULL_LANES], indirect=True)

#: For what takes long and differs little from broker to broker: the ledger alone, and one in front.
few_lanes = pytest.mark.parametrize("lane", [*EMBEDDED_LANES, REDIS_OVER_POSTGRESQL], indirect=True)

#: For what only concerns the ledger as its own broker.
embedded_only = pytest.mark.parametrize("lane", EMBEDDED_LANES, indirect=True)

#: For what only concerns a broker in front of the ledger.
full_only = pytest.mark.parametrize("lane", FULL_LANES, indirect=True)

#: For faults that only a database in a file has.
sqlite_only = pytest.mark.parametrize("lane", [SQLITE], indirect=True)

#: For faults that only a database server has.
postgresql_only = pytest.mark.parametrize("lane", [POSTGRESQL], indirect=True)
