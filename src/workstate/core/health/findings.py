"""What a check found, in words that help."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Level(IntEnum):
    """How bad it is; the value is the exit code of `workstate doctor`."""

    OK = 0
    WARNING = 1
    ERROR = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One observation: what is so and, unless all is well, why it matters and the command that mends it."""

    level: Level
    name: str
    what: str
    why: str = ""
    command: str = ""


def worst_level(findings: list[Finding]) -> Level:
    """Return the level of the worst finding; nothing found is well."""
    return max((finding.level for finding in findings), default=Level.OK)


def not_looked_at(name: str, error: Exception, why: str) -> Finding:
    """Return what a check says that needs a database which can't be read."""
    return Finding(Level.ERROR, name, f"not looked at: {str(error).strip()}", why, "workstate doctor --only database")
