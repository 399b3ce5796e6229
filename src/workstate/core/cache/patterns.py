"""Patterns over keys, `*` for any text and `?` for one character, in the words of each store."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

WILDCARDS = re.compile(r"([*?])")


def to_redis(prefix: str, pattern: str) -> str:
    """Return the pattern for Redis's MATCH, over keys that begin with `prefix`."""
    return _translate(prefix, pattern, special="*?[]^\\-", escape="\\{}".format, wildcards={"*": "*", "?": "?"})


def to_glob(prefix: str, pattern: str) -> str:
    """Return the pattern for SQLite's GLOB, which tells capitals from small letters, as its LIKE does not."""
    return _translate(prefix, pattern, special="*?[", escape="[{}]".format, wildcards={"*": "*", "?": "?"})


def to_like(prefix: str, pattern: str) -> str:
    """Return the pattern for PostgreSQL's LIKE."""
    return _translate(prefix, pattern, special="%_\\", escape="\\{}".format, wildcards={"*": "%", "?": "_"})


def _translate(
    prefix: str, pattern: str, *, special: str, escape: Callable[[str], str], wildcards: dict[str, str]
) -> str:
    def literal(text: str) -> str:
        return "".join(escape(letter) if letter in special else letter for letter in text)

    return literal(prefix) + "".join(wildcards.get(part) or literal(part) for part in WILDCARDS.split(pattern))
