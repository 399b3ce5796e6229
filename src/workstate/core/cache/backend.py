"""Django's cache contract over the tiers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import Error as DatabaseError
from django.db.transaction import TransactionManagementError

from workstate.core.cache.cells import Cell, is_in_transaction
from workstate.core.cache.codec import decode, encode
from workstate.core.cache.database_tier import DatabaseTier
from workstate.core.cache.errors import UnsettledError
from workstate.core.cache.fills import get_or_compute
from workstate.core.cache.options import CacheOptions
from workstate.core.cache.processes import gate_for
from workstate.core.cache.promises import is_promise
from workstate.core.wakeup.outage import Outage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from workstate.core.cache.base import Tier
    from workstate.core.cache.gate import Gate

T = TypeVar("T")
_outage = Outage("The table of the cache")


class Vault:
    """Where durable entries are: in the database, whoever carries the rest."""

    def __init__(self, name: str) -> None:
        self._tier = DatabaseTier(name, epoch="")

    def perform(self, operate: Callable[[Tier], T], *, is_write: bool) -> T:
        """Let `operate` do its work on the database."""
        return operate(self._tier)


class WorkstateCache(BaseCache):
    """A Django cache: in Redis while it is there, else in the database.

    A database that is away costs entries, never an error: reads miss, writes are dropped, and the log says so.
    """

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self.options = CacheOptions.read(location, params)
        self._vault = Vault(self.options.name)

    def add(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Set a key that has no value; return whether it was set."""
        made, payload, lifetime = self.make_and_validate_key(key, version), encode(value), self._lifetime(timeout)
        if _is_over(lifetime):
            return not self.has_key(key, version)
        return self._write(self._keeper_of(key), lambda tier: tier.add(made, payload, lifetime), otherwise=False)

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        """Return the value of a key, or the default."""
        made = self.make_and_validate_key(key, version)
        payload = self._read(self._keeper_of(key), [made]).get(made)
        return default if payload is None or is_promise(payload) else decode(payload)

    def get_many(self, keys: Iterable[Any], version: int | None = None) -> dict[Any, Any]:
        """Return the values of those keys that have one."""
        found: dict[Any, Any] = {}
        for keeper, kept in self._by_keeper(keys).items():
            wanted = {self.make_and_validate_key(key, version): key for key in kept}
            payloads = self._read(keeper, list(wanted)).items()
            found |= {wanted[made]: decode(payload) for made, payload in payloads if not is_promise(payload)}
        return found

    def set(self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        """Set a key, whatever was there."""
        self.set_many({key: value}, timeout, version)

    def set_many(
        self, data: Mapping[Any, Any], timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> list[Any]:
        """Set many keys; return those that could not be set."""
        lifetime = self._lifetime(timeout)
        if _is_over(lifetime):
            self.delete_many(data, version)
            return []
        failed: list[Any] = []
        for keeper, keys in self._by_keeper(data).items():
            payloads = {self.make_and_validate_key(key, version): encode(data[key]) for key in keys}
            if not self._store(keeper, payloads, lifetime):
                failed += keys
        return failed

    def get_or_set(self, key: Any, default: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> Any:
        """Return the value of a key; a default that can be called is called once, however many ask for it at once."""
        lifetime = self._lifetime(timeout)
        if not callable(default) or _is_over(lifetime) or is_in_transaction():
            return super().get_or_set(key, default, timeout, version)
        return decode(get_or_compute(self.cell(key, version), lambda: encode(default()), lifetime))

    def touch(self, key: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Give a value another time to live; return whether there was one."""
        made, lifetime = self.make_and_validate_key(key, version), self._lifetime(timeout)
        if _is_over(lifetime):
            return self.delete(key, version)
        return self._write(self._keeper_of(key), lambda tier: tier.touch(made, lifetime), otherwise=False)

    def delete(self, key: Any, version: int | None = None) -> bool:
        """Delete a key; return whether it had a value."""
        made = self.make_and_validate_key(key, version)
        return self._write(self._keeper_of(key), lambda tier: tier.delete([made]), otherwise=0) > 0

    def delete_many(self, keys: Iterable[Any], version: int | None = None) -> None:
        """Delete many keys."""
        for keeper, kept in self._by_keeper(keys).items():
            made = [self.make_and_validate_key(key, version) for key in kept]
            self._write(keeper, _deleting(made), otherwise=0)

    def delete_pattern(self, pattern: str, version: int | None = None) -> int:
        """Delete the keys that match, `*` for any text and `?` for one character; return how many there were.

        It takes as long as there are keys in the cache. Durable keys stay.
        """
        made = self.make_key(pattern, version)
        return self._write(gate_for(self.options), lambda tier: tier.delete_pattern(made), otherwise=0)

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        """Add to a whole number, in one step, and return the sum; raises ValueError when there is none."""
        if not isinstance(delta, int):
            raise TypeError(f"A cache counts in whole numbers, not with {delta!r}.")
        made = self.make_and_validate_key(key, version)
        total = self._write(self._keeper_of(key), lambda tier: tier.increment(made, delta), otherwise=None)
        if total is None:
            raise ValueError(f"Key '{key}' not found, or no whole number that can be counted on.")
        return total

    @property
    def is_in_redis(self) -> bool:
        """Tell whether Redis carries the cache now; a database that is away leaves it unsaid, which is no."""
        return self._guard(lambda: gate_for(self.options).regime().is_redis, otherwise=False)

    def cell(self, key: Any, version: int | None = None) -> Cell:
        """Return where the key's payload is, for those who compute what is missing."""
        keeper = self._keeper_of(key)

        def perform(operate: Callable[[Tier], T]) -> T | None:
            return self._guard(lambda: keeper.perform(operate, is_write=False), otherwise=None)

        return Cell(perform, self.make_and_validate_key(key, version))

    def clear(self) -> None:
        """Forget everything but durable keys, at once and whatever there is."""
        gate = gate_for(self.options)
        self._guard(gate.forget_everything, otherwise=None)

    def _keeper_of(self, key: Any) -> Gate | Vault:
        return self._vault if self._is_durable(key) else gate_for(self.options)

    def _by_keeper(self, keys: Iterable[Any]) -> dict[Gate | Vault, list[Any]]:
        kept: dict[Gate | Vault, list[Any]] = {}
        for key in keys:
            kept.setdefault(self._keeper_of(key), []).append(key)
        return kept

    def _is_durable(self, key: Any) -> bool:
        return bool(self.options.durable_prefixes) and str(key).startswith(self.options.durable_prefixes)

    def _lifetime(self, timeout: Any) -> float | None:
        """Return the seconds that an entry lives; None is for ever."""
        return self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout

    def _read(self, keeper: Gate | Vault, made: list[str]) -> dict[str, bytes]:
        nothing: dict[str, bytes] = {}
        return self._guard(lambda: keeper.perform(lambda tier: tier.read(made), is_write=False), otherwise=nothing)

    def _store(self, keeper: Gate | Vault, payloads: Mapping[str, bytes], lifetime: float | None) -> bool:
        def store(tier: Tier) -> bool:
            tier.write(payloads, lifetime)
            return True

        return self._write(keeper, store, otherwise=False)

    def _write(self, keeper: Gate | Vault, operate: Callable[[Tier], T], *, otherwise: T) -> T:
        def perform() -> T:
            outcome = keeper.perform(operate, is_write=True)
            _outage.end()  # a writer has looked at the row; a reader may not have
            return outcome

        return self._guard(perform, otherwise=otherwise)

    @staticmethod
    def _guard(perform: Callable[[], T], *, otherwise: T) -> T:
        """Return what `perform` does; when the database fails, tell of it and return `otherwise`."""
        try:
            return perform()
        except TransactionManagementError:  # the caller's transaction is broken already, and he was told
            return otherwise
        except (DatabaseError, UnsettledError) as error:
            _outage.begin(error)
            return otherwise


def _is_over(lifetime: float | None) -> bool:
    return lifetime is not None and lifetime <= 0


def _deleting(made: list[str]) -> Callable[[Tier], int]:
    return lambda tier: tier.delete(made)
