"""Entries in Redis. Each operation is one round trip, and whole or not at all but for those over many keys."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from workstate.core.cache import patterns
from workstate.core.cache.base import Tier

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from redis import Redis

SCAN_COUNT = 1000
LONGEST_SECONDS = 10 * 365 * 24 * 3600
"""Redis counts milliseconds; what is to live longer than ten years may as well live ten."""

SET = """
local function set(key, payload, milliseconds)
  if milliseconds == '' then redis.call('SET', key, payload)
  else redis.call('SET', key, payload, 'PX', milliseconds) end
  return 1
end
"""
HAS_VALUE = """
local kind = redis.call('GETRANGE', KEYS[1], 0, 0)
local has_value = kind ~= '' and kind ~= 'P'
"""
ADD = f"""{SET}{HAS_VALUE}
if has_value or (kind == 'P' and ARGV[3] == '') then return 0 end
return set(KEYS[1], ARGV[1], ARGV[2])
"""
REPLACE = f"""{SET}
if redis.call('GETRANGE', KEYS[1], 0, #ARGV[3] - 1) ~= ARGV[3] then return 0 end
return set(KEYS[1], ARGV[1], ARGV[2])
"""
TOUCH = f"""{HAS_VALUE}
if not has_value then return 0 end
if ARGV[1] == '' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return 1
"""
DELETE = f"""{HAS_VALUE}
redis.call('UNLINK', KEYS[1])
return has_value and 1 or 0
"""
INCREMENT = f"""{HAS_VALUE}
if not has_value then return false end
if not string.match(kind, '[-%d]') then return false end
local outcome = redis.pcall('INCRBY', KEYS[1], ARGV[1])
if type(outcome) == 'table' and outcome.err then return false end
return redis.call('GET', KEYS[1])
"""


class RedisTier(Tier):
    """The entries of one cache in one of Redis's databases."""

    def __init__(self, client: Redis, name: str, epoch: str) -> None:
        self._client: Any = client  # its stubs say for each call that it may as well be a coroutine's
        self._name = name
        self._epoch = epoch
        self._prefix = f"{name}:{epoch}:"
        self._add = client.register_script(ADD)
        self._replace = client.register_script(REPLACE)
        self._touch = client.register_script(TOUCH)
        self._delete = client.register_script(DELETE)
        self._increment = client.register_script(INCREMENT)

    def read(self, keys: Collection[str]) -> dict[str, bytes]:
        """Ask with one MGET, or one GET."""
        if len(keys) == 1:
            [key] = keys
            payloads = [self._client.get(self._prefix + key)]
        else:
            payloads = self._client.mget([self._prefix + key for key in keys])
        return {key: payload for key, payload in zip(keys, payloads, strict=True) if payload is not None}

    def write(self, payloads: Mapping[str, bytes], lifetime: float | None) -> None:
        """Send all in one go; a connection that dies in the middle leaves some of them set, and raises."""
        milliseconds = _milliseconds(lifetime)
        if len(payloads) == 1:
            [(key, payload)] = payloads.items()
            self._client.set(self._prefix + key, payload, px=milliseconds)
            return
        with self._client.pipeline(transaction=False) as pipeline:
            for key, payload in payloads.items():
                pipeline.set(self._prefix + key, payload, px=milliseconds)
            pipeline.execute()

    def add(self, key: str, payload: bytes, lifetime: float | None, *, over_promise: bool = True) -> bool:
        """Set a key that has no value."""
        arguments = [payload, _milliseconds(lifetime) or "", "yes" if over_promise else ""]
        return bool(self._add([self._prefix + key], arguments))

    def replace(self, key: str, mark: bytes, payload: bytes, lifetime: float | None) -> bool:
        """Compare and set."""
        return bool(self._replace([self._prefix + key], [payload, _milliseconds(lifetime) or "", mark]))

    def touch(self, key: str, lifetime: float | None) -> bool:
        """Give a value another lifetime."""
        return bool(self._touch([self._prefix + key], [_milliseconds(lifetime) or ""]))

    def delete(self, keys: Collection[str]) -> int:
        """Delete keys."""
        if len(keys) == 1:
            [key] = keys
            return int(self._delete([self._prefix + key]))
        return int(self._client.unlink(*[self._prefix + key for key in keys]))

    def increment(self, key: str, delta: int) -> int | None:
        """Add to a whole number; Lua counts in floating point, so Redis adds and the text of the sum comes back."""
        total = self._increment([self._prefix + key], [delta])
        return None if total is None else int(total)

    def delete_pattern(self, pattern: str) -> int:
        """Walk over the whole database, a thousand keys a step, and delete what matches."""
        return sum(map(self._unlink, self._scan(patterns.to_redis(self._prefix, pattern))))

    def sweep(self) -> None:
        """Remove this cache's keys of other epochs."""
        for keys in self._scan(patterns.to_redis(f"{self._name}:", "*")):
            self._unlink([key for key in keys if not key.startswith(self._prefix.encode())])

    def _scan(self, match: str) -> Any:
        cursor = 0
        while True:
            cursor, keys = self._client.scan(cursor, match=match, count=SCAN_COUNT)
            yield keys
            if not cursor:
                return

    def _unlink(self, keys: list[bytes]) -> int:
        return int(self._client.unlink(*keys)) if keys else 0


def _milliseconds(lifetime: float | None) -> int | None:
    return None if lifetime is None else max(1, int(min(lifetime, LONGEST_SECONDS) * 1000))
