"""An entry of CACHES that says what it can't is refused with what to write instead."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from workstate.core.cache import WorkstateCache
from workstate.core.cache.link import address_of
from workstate.core.cache.options import CacheOptions


def test_name_is_the_prefix_unless_given():
    assert CacheOptions.read("", {}).name == "default"
    assert CacheOptions.read("", {"KEY_PREFIX": "shop"}).name == "shop"
    assert CacheOptions.read("", {"KEY_PREFIX": "shop", "OPTIONS": {"NAME": "shop-2"}}).name == "shop-2"


def test_strict_has_no_front():
    assert CacheOptions.read("", {}).front_seconds == 1
    assert CacheOptions.read("", {"OPTIONS": {"STRICT": True}}).front_seconds == 0


def test_unknown_option_is_named_with_the_nearest():
    with pytest.raises(ImproperlyConfigured, match="no option 'STRICKT': did you mean 'STRICT'"):
        WorkstateCache("", {"OPTIONS": {"STRICKT": True}})


@pytest.mark.parametrize("name", ["a:b", "a*", "x" * 101])
def test_name_with_other_signs_is_refused(name):
    with pytest.raises(ImproperlyConfigured, match="NAME has letters"):
        WorkstateCache("", {"KEY_PREFIX": name})


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://:secret@cache.example:6380/4?ssl=1", "redis://cache.example:6380"),
        ("rediss://user:p%40ss@[::1]:1/2", "rediss://[::1]:1"),
        ("unix:///run/redis.sock?db=2", "unix:///run/redis.sock"),
    ],
)
def test_address_has_neither_database_nor_password(url, address):
    assert address_of(url) == address
