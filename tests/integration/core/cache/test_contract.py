"""Django's contract of a cache, kept by every tier over both databases."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from caches import ALL_TIERS, make_cache
from workbench.waiting import wait_until
from workstate.core.cache.errors import NotCacheableError

pytestmark = ALL_TIERS

VALUES = [
    None,
    True,
    False,
    0,
    -7,
    2**80,
    1.5,
    "",
    "naïve ☃ \x00",
    b"\x00\xff",
    [1, [2]],
    {"a": [1, {"b": None}], "P": "J"},
    {1: "one", (1, 2): "pair"},
    {1, 2},
    (1, "two"),
    datetime(2026, 11, 21, 9, tzinfo=UTC),
    date(2026, 11, 21),
    timedelta(days=-1, microseconds=1),
    Decimal("1.10"),
    uuid4(),
]


def test_value_comes_back_as_it_was(cache):
    for value in VALUES:
        cache.set("key", value)
        found = cache.get("key", "missing")
        assert (found, type(found)) == (value, type(value))


def test_missing_key_gives_the_default(cache):
    assert cache.get("nothing") is None
    assert cache.get("nothing", "default") == "default"


def test_add_sets_only_what_is_not_there(cache):
    assert cache.add("key", 1) is True
    assert cache.add("key", 2) is False
    assert cache.get("key") == 1


def test_what_is_added_with_no_time_is_not_kept(cache):
    assert cache.add("key", 1, timeout=0) is True
    assert cache.get("key") is None


def test_none_is_a_value(cache):
    cache.set("key", None)
    assert cache.get("key", "default") is None
    assert cache.has_key("key") is True
    assert cache.add("key", 1) is False
    assert cache.get_or_set("key", "default") is None


def test_has_key_and_in(cache):
    cache.set("key", "value")
    assert cache.has_key("key") is True
    assert "key" in cache
    assert cache.has_key("nothing") is False
    assert "nothing" not in cache


def test_delete_tells_whether_there_was_something(cache):
    cache.set("key", 1)
    assert cache.delete("key") is True
    assert cache.delete("key") is False
    assert cache.get("key") is None


def test_many_at_once(cache):
    assert cache.set_many({"a": 1, "b": [2], "c": "3"}) == []
    assert cache.get_many(["a", "b", "c", "d"]) == {"a": 1, "b": [2], "c": "3"}
    assert cache.delete_many(["a", "c", "d"]) is None
    assert cache.get_many(iter(["a", "b", "c"])) == {"b": [2]}


def test_very_many_at_once(cache):
    data = {f"key-{number}": number for number in range(450)}
    cache.set_many(data)
    assert cache.get_many(data) == data


def test_nothing_at_once(cache):
    assert cache.set_many({}) == []
    assert cache.get_many([]) == {}
    cache.delete_many([])


def test_set_many_with_no_time_deletes(cache):
    cache.set_many({"a": 1, "b": 2})
    assert cache.set_many({"a": 1}, timeout=0) == []
    assert cache.get_many(["a", "b"]) == {"b": 2}


def test_incr_and_decr_count(cache):
    cache.set("number", 41)
    assert cache.incr("number") == 42
    assert cache.incr("number", 10) == 52
    assert cache.decr("number") == 51
    assert cache.decr("number", 60) == -9
    assert cache.incr("number", -1) == -10
    assert cache.get("number") == -10


def test_counting_keeps_every_digit(cache):
    cache.set("number", 2**60 + 1)
    assert cache.incr("number") == 2**60 + 2


def test_counting_keeps_the_time_to_live(cache):
    cache.set("number", 1, timeout=0.3)
    cache.incr("number")
    wait_until(lambda: cache.get("number") is None)


@pytest.mark.parametrize("value", [None, "text", [1], 1.5])
def test_what_is_no_whole_number_can_not_be_counted_on(cache, value):
    cache.set("key", value)
    with pytest.raises(ValueError, match="key"):
        cache.incr("key")
    assert cache.get("key") == value


def test_missing_key_can_not_be_counted_on(cache):
    with pytest.raises(ValueError, match="nothing"):
        cache.incr("nothing")
    with pytest.raises(ValueError, match="nothing"):
        cache.decr("nothing")
    assert cache.get("nothing") is None


def test_counting_in_parts_is_refused(cache):
    with pytest.raises(TypeError):
        cache.incr("key", 0.5)


def test_get_or_set_keeps_what_is_there(cache):
    assert cache.get_or_set("key", 1) == 1
    assert cache.get_or_set("key", 2) == 1
    assert cache.get_or_set("called", lambda: [3]) == [3]
    assert cache.get("called") == [3]
    assert cache.get_or_set("nothing", None) is None


def test_touch_gives_another_time(cache):
    cache.set("key", 1, timeout=0.5)
    assert cache.touch("key", 60) is True
    assert cache.touch("nothing", 60) is False
    time.sleep(0.6)  # there is nothing to wait for: it must still be there
    assert cache.get("key") == 1
    assert cache.touch("key", 0) is True
    assert cache.get("key") is None


def test_value_expires(cache):
    cache.set("key", 1, timeout=0.2)
    cache.add("other", 1, timeout=0.2)
    wait_until(lambda: cache.get_many(["key", "other"]) == {}, timeout=10)
    assert cache.add("key", 2) is True
    assert cache.get("key") == 2


def test_no_time_and_negative_time_delete(cache):
    for timeout in (0, -1):
        cache.set("key", 1)
        cache.set("key", 2, timeout=timeout)
        assert cache.get("key") is None


def test_none_is_for_ever(cache):
    cache.set("key", 1, timeout=None)
    assert cache.touch("key", None) is True
    assert cache.get("key") == 1


def test_versions_are_apart(cache):
    cache.set("key", 1)
    cache.set("key", 2, version=2)
    assert (cache.get("key"), cache.get("key", version=2)) == (1, 2)
    assert cache.incr_version("key", delta=2) == 3
    assert (cache.get("key"), cache.get("key", version=3)) == (None, 1)
    assert cache.decr_version("key", version=3) == 2
    with pytest.raises(ValueError, match="nothing"):
        cache.incr_version("nothing")


def test_prefixes_are_apart(cache, redis_url):
    other = make_cache(redis_url, KEY_PREFIX=f"{cache.key_prefix}-other")
    cache.set("key", 1)
    assert other.get("key") is None
    other.set("key", 2)
    other.clear()
    assert cache.get("key") == 1


def test_clear_forgets_everything(cache):
    cache.set_many({"a": 1, "b": 2}, timeout=None)
    assert cache.clear() is None
    assert cache.get_many(["a", "b"]) == {}
    cache.set("a", 3)
    assert cache.get("a") == 3


def test_pattern_deletes_what_matches_and_nothing_else(cache):
    keys = ["job_list_1", "job_list_2", "JOB_LIST_1", "job-list-1", "job_lisT_1", "other", "a%b", "a[b", "a\\b"]
    cache.set_many(dict.fromkeys(keys, 1))
    assert cache.delete_pattern("job_list_*") == 2
    assert cache.delete_pattern("a%*") == 1
    assert cache.delete_pattern("a[?") == 1
    assert cache.delete_pattern("a\\b") == 1
    assert cache.delete_pattern("nothing*") == 0
    assert sorted(cache.get_many(keys)) == ["JOB_LIST_1", "job-list-1", "job_lisT_1", "other"]
    assert cache.delete_pattern("*") == 4


def test_pattern_stays_within_its_version(cache):
    cache.set("key", 1, version=2)
    assert cache.delete_pattern("*") == 0
    assert cache.delete_pattern("*", version=2) == 1


def test_value_without_a_lasting_form_is_refused(cache):
    for value in (object(), lambda: 1, [NotCacheableError]):
        with pytest.raises(NotCacheableError, match="can't be cached"):
            cache.set("key", value)
    assert cache.get("key", "nothing") == "nothing"


def test_caller_can_not_change_what_is_kept(cache):
    value = {"list": [1]}
    cache.set("key", value)
    value["list"].append(2)
    cache.get("key")["list"].append(3)
    assert cache.get("key") == {"list": [1]}


def test_closing_costs_nothing(cache):
    cache.set("key", 1)
    cache.close()
    assert cache.get("key") == 1


@pytest.mark.filterwarnings("ignore::django.core.cache.CacheKeyWarning")
def test_keys_may_be_long_and_strange(cache):
    key = "ключ with spaces:*?[]%_\\" + "x" * 300
    cache.set(key, 1)
    assert cache.get(key) == 1
    assert cache.delete(key) is True


async def test_coroutines_have_it_too(cache):
    await cache.aset("key", 1)
    assert await cache.aincr("key") == 2
    assert await cache.aget_many(["key", "nothing"]) == {"key": 2}
    assert await cache.adelete("key") is True
    assert await cache.aget("key") is None
