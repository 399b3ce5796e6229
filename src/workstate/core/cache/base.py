"""What a tier does: keep payloads under keys of one epoch.

Payloads are bytes that `codec` made. A promise is a payload, too: whoever writes or deletes the key ends it, and
`replace` then finds it gone. Everything but `read` takes a promise for a missing value.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class Tier(ABC):
    """Where the entries of one cache under one epoch are. Lifetimes are in seconds, positive; None is for ever."""

    @abstractmethod
    def read(self, keys: Collection[str]) -> dict[str, bytes]:
        """Return the payloads of those keys that have one, promises included."""

    @abstractmethod
    def write(self, payloads: Mapping[str, bytes], lifetime: float | None) -> None:
        """Set all of the keys, whatever was there."""

    @abstractmethod
    def add(self, key: str, payload: bytes, lifetime: float | None, *, over_promise: bool = True) -> bool:
        """Set a key that has no value, or with `over_promise=False` neither value nor promise; tell whether it was."""

    @abstractmethod
    def replace(self, key: str, mark: bytes, payload: bytes, lifetime: float | None) -> bool:
        """Set a key whose payload still begins with the mark; tell whether it did."""

    @abstractmethod
    def touch(self, key: str, lifetime: float | None) -> bool:
        """Give a value another lifetime; tell whether there was one."""

    @abstractmethod
    def delete(self, keys: Collection[str]) -> int:
        """Delete keys, promises too; return how many values there were."""

    @abstractmethod
    def increment(self, key: str, delta: int) -> int | None:
        """Add to a whole number, in one step; return the sum, or None when there is none."""

    @abstractmethod
    def delete_pattern(self, pattern: str) -> int:
        """Delete the keys that match; return how many there were."""

    @abstractmethod
    def sweep(self) -> None:
        """Remove what other epochs of this cache have left; nobody can find it any more."""
