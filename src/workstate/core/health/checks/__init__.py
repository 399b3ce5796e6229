"""All checks; importing this package registers them in the order in which doctor prints them."""

from workstate.core.health.checks import (  # isort: skip  the order is the report's
    versions,
    database,
    migrations,
    processes,
    broker,
    cache,
    canary,
    retention,
    external,
    web,
)

__all__ = [
    "broker",
    "cache",
    "canary",
    "database",
    "external",
    "migrations",
    "processes",
    "retention",
    "versions",
    "web",
]
