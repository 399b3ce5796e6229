"""All checks; importing this package registers them in the order in which doctor prints them."""

from workstate.core.health.checks import (  # isort: skip  the order is the report's
    versions,
    database,
    migrations,
    processes,
    broker,
    canary,
    retention,
    external,
    web,
)

__all__ = ["broker", "canary", "database", "external", "migrations", "processes", "retention", "versions", "web"]
