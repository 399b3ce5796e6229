"""What stays, whatever is flushed or cleared, and what is pruned."""

from __future__ import annotations

import pytest

from caches import ALL_TIERS, make_cache
from workbench.waiting import wait_until
from workstate.core.cache.models import CacheEntry
from workstate.core.cache.processes import stop_links
from workstate.core.cache.pruning import prune_entries

pytestmark = ALL_TIERS


@pytest.fixture
def throttles(cache, redis_url):
    return make_cache(redis_url, KEY_PREFIX=cache.key_prefix, OPTIONS={"DURABLE_PREFIXES": ["allauth:"]})


def test_durable_key_outlives_a_flush_and_a_clear(throttles, redis_url, shared_redis):
    throttles.set_many({"allauth:login": [1.5], "other": 1})
    assert throttles.get_many(["allauth:login", "other"]) == {"allauth:login": [1.5], "other": 1}
    shared_redis.flush()
    throttles.clear()
    assert throttles.get_many(["allauth:login", "other"]) == {"allauth:login": [1.5]}
    assert throttles.delete_pattern("*") == 0
    assert throttles.add("allauth:login", []) is False
    assert throttles.incr("allauth:count") if throttles.add("allauth:count", 1) else False
    throttles.delete_many(["allauth:login", "allauth:count"])
    assert throttles.get("allauth:login") is None


def test_expired_and_orphaned_entries_are_pruned_and_no_others(throttles):
    name = throttles.key_prefix
    throttles.set("allauth:kept", 1, timeout=None)
    throttles.set("allauth:expired", 1, timeout=0.05)
    CacheEntry.objects.create(key=f"{name}:gone:1:key", epoch="gone", payload=b"1", expires_at=None)
    throttles.set("kept", 1, timeout=None)

    def kept() -> list[str]:
        prune_entries(1000)
        keys = CacheEntry.objects.filter(key__startswith=f"{name}:").values_list("key", flat=True)
        return [key.rpartition(":")[2] for key in keys]

    wait_until(lambda: set(kept()) <= {"kept"})
    assert throttles.get_many(["kept", "allauth:kept"]) == {"kept": 1, "allauth:kept": 1}


def test_another_process_finds_what_was_set(cache, redis_url):
    cache.set("key", [1], timeout=None)
    stop_links()  # forgets all that this process knows
    assert make_cache(redis_url, KEY_PREFIX=cache.key_prefix).get("key") == [1]
