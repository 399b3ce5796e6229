"""Where one key's payload is, whichever tier carries it just then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from django.db import connections

if TYPE_CHECKING:
    from collections.abc import Callable

    from workstate.core.cache.base import Tier

T = TypeVar("T")


class Perform(Protocol):
    """Does something on the tier that carries the cache; None when that is away."""

    def __call__(self, operate: Callable[[Tier], T]) -> T | None:
        """Return what `operate` does."""


class Cell:
    """One key of a cache; answers are None while the cache is away."""

    def __init__(self, perform: Perform, key: str) -> None:
        self._perform = perform
        self._key = key

    def beside(self, name: str) -> Cell:
        """Return another cell that belongs to this one."""
        return Cell(self._perform, f"{self._key}#{name}")

    def read(self) -> bytes | None:
        """Return what is there, a promise perhaps."""
        return (self._perform(lambda tier: tier.read([self._key])) or {}).get(self._key)

    def add(self, payload: bytes, lifetime: float | None) -> bool | None:
        """Put something where neither a value nor a promise is; tell whether it was."""
        return self._perform(lambda tier: tier.add(self._key, payload, lifetime, over_promise=False))

    def replace(self, mark: bytes, payload: bytes, lifetime: float | None) -> bool | None:
        """Put something in the place of what has the mark; tell whether it was still there."""
        return self._perform(lambda tier: tier.replace(self._key, mark, payload, lifetime))

    def delete(self) -> None:
        """Take away what is there."""
        self._perform(lambda tier: tier.delete([self._key]))


def is_in_transaction() -> bool:
    """Tell whether what is read now may never be committed, on any database."""
    return any(connection.in_atomic_block for connection in connections.all(initialized_only=True))
