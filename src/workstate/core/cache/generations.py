"""Prefixes whose entries are forgotten in one step, however many there are.

Each prefix has a generation, a token that is never used twice. An entry carries the one under which its computing
began, and counts only while that is the prefix's. A token that was lost, evicted or flushed, is made anew.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.core.cache import BaseCache

TOKEN_BYTES = 9


def generation_of(cache: BaseCache, prefix: str) -> str:
    """Return the prefix's generation; make one when there is none."""
    generation: Any = cache.get(_key(prefix))
    if generation is None:
        cache.add(_key(prefix), _make(), timeout=None)
        generation = cache.get(_key(prefix)) or _make()  # the cache is away: nobody will find what is filled now
    return str(generation)


def end_generation(cache: BaseCache, prefix: str) -> None:
    """Forget every entry with the prefix, and what is being computed."""
    cache.set(_key(prefix), _make(), timeout=None)


def _key(prefix: str) -> str:
    return f"generation:{prefix}"


def _make() -> str:
    return secrets.token_urlsafe(TOKEN_BYTES)
