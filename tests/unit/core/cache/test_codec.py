"""Values come back from their bytes as they were, of the type that they were."""

from __future__ import annotations

from datetime import UTC
from enum import Enum, IntEnum

import pytest
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy
from hypothesis import given
from hypothesis import strategies as st

from workstate.core.cache.codec import decode, encode, mark_of
from workstate.core.cache.errors import NotCacheableError
from workstate.core.cache.promises import is_promise, make_promise

keys = st.none() | st.booleans() | st.integers() | st.text() | st.dates() | st.uuids()
leaves = (
    keys
    | st.floats(allow_nan=False)
    | st.binary()
    | st.times()
    | st.timedeltas()
    | st.datetimes(timezones=st.sampled_from([None, UTC]))
    | st.decimals(allow_nan=False)
    | st.sets(keys)
    | st.frozensets(keys)
)
values = st.recursive(
    leaves, lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(keys, inner), max_leaves=20
)


class Colour(IntEnum):
    RED = 1


@given(values)
def test_value_comes_back(value):
    payload = encode(value)
    found = decode(payload)
    assert found == value
    assert type(found) is type(value)
    assert not is_promise(payload)


@pytest.mark.parametrize("value", [["~date", "not one"], ["~list", []], ["~x", 1], [["~tuple", 2]], {"~set": ["~"]}])
def test_list_that_looks_like_one_of_ours_comes_back(value):
    assert decode(encode(value)) == value


def test_what_is_a_number_or_a_text_comes_back_as_that():
    assert decode(encode([Colour.RED, mark_safe("<b>"), gettext_lazy("Yes")])) == [1, "<b>", "Yes"]
    assert type(decode(encode(mark_safe("<b>")))) is str


@pytest.mark.parametrize("value", [object(), len, NotCacheableError, [{"deep": (object(),)}], Enum("E", "A")["A"]])
def test_object_is_refused_by_its_name(value):
    with pytest.raises(NotCacheableError, match="can't be cached"):
        encode(value)


def test_each_filling_has_a_mark_of_its_own():
    first, second = encode(["same"]), encode(["same"])
    assert mark_of(first) != mark_of(second)
    assert first.startswith(mark_of(first))
    promise = make_promise()
    assert is_promise(promise)
    assert mark_of(promise) == promise != make_promise()
