"""Values to bytes and back: JSON with the types that Django's people use; never pickle.

    12                     a whole number, so that Redis can count with it
    J<stamp>{"a": 1}       anything else; the stamp names this filling of the key
    P<token>|<process>     a promise: somebody computes the value that is missing here, see `promises`

What JSON has no word for is a list of two with a name in front that no other list gets: `["~date", "2026-11-21"]`.
"""

from __future__ import annotations

import json
import secrets
from base64 import b64decode, b64encode
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.utils.functional import Promise

from workstate.core.cache.errors import NotCacheableError

if TYPE_CHECKING:
    from collections.abc import Callable

JSON = b"J"
STAMP_BYTES = 9  # twelve characters
HEADER_LENGTH = 13
MARK = "~"
SMALLEST, LARGEST = -(2**63), 2**63 - 1
"""What Redis counts with."""


def encode(value: Any) -> bytes:
    """Return the bytes of a value; raises NotCacheableError for what would not come back as it was."""
    if isinstance(value, int) and not isinstance(value, bool) and SMALLEST <= value <= LARGEST:
        return b"%d" % value
    text = json.dumps(_plain(value), separators=(",", ":"), ensure_ascii=False)
    return JSON + secrets.token_urlsafe(STAMP_BYTES).encode() + text.encode("utf-8", "surrogatepass")


def decode(payload: bytes) -> Any:
    """Return the value of bytes that `encode` made."""
    if payload.startswith(JSON):
        return _rich(json.loads(payload[HEADER_LENGTH:].decode("utf-8", "surrogatepass")))
    return int(payload)


def mark_of(payload: bytes) -> bytes:
    """Return the beginning of the payload that no other filling of the key has."""
    return payload[:HEADER_LENGTH] if payload.startswith(JSON) else payload


def text_of(value: Any) -> str:
    """Return a text that equal values have in common and no others; raises NotCacheableError where there is none."""
    return json.dumps(_plain(value), separators=(",", ":"), sort_keys=True)


def _plain(value: Any) -> Any:
    """Return the value in JSON's own types."""
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if kind is list:
        return _plain_list(value)
    if kind is dict and all(type(key) is str for key in value):
        return {key: _plain(item) for key, item in value.items()}
    return _plain_of_others(value)


def _plain_list(value: list[Any]) -> Any:
    plain = [_plain(item) for item in value]
    is_ambiguous = len(value) == 2 and type(value[0]) is str and value[0].startswith(MARK)  # noqa: PLR2004  name, content
    return [f"{MARK}list", plain] if is_ambiguous else plain


def _plain_of_others(value: Any) -> Any:
    for kind, (name, flatten) in FLATTEN.items():
        if isinstance(value, kind):
            return [MARK + name, flatten(value)]
    for base in (bool, int, float, str):  # enumerations and texts marked as safe lose their class, not their value
        if isinstance(value, base):
            return base(value)
    if isinstance(value, Promise):
        return str(value)
    raise NotCacheableError(value)


def _flat_items(items: Any) -> list[Any]:
    return [_plain(item) for item in items]


def _flat_pairs(mapping: dict[Any, Any]) -> list[Any]:
    return [[_plain(key), _plain(item)] for key, item in mapping.items()]


def _flat_duration(value: timedelta) -> list[int]:
    return [value.days, value.seconds, value.microseconds]


FLATTEN: dict[type, tuple[str, Callable[[Any], Any]]] = {
    datetime: ("datetime", datetime.isoformat),  # before date, which it is, too
    date: ("date", date.isoformat),
    time: ("time", time.isoformat),
    timedelta: ("timedelta", _flat_duration),
    Decimal: ("decimal", str),
    UUID: ("uuid", str),
    bytes: ("bytes", lambda value: b64encode(value).decode()),
    tuple: ("tuple", _flat_items),
    frozenset: ("frozenset", _flat_items),
    set: ("set", _flat_items),
    dict: ("dict", _flat_pairs),
    list: ("list", _flat_items),
}
RESTORE: dict[str, Callable[[Any], Any]] = {
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "timedelta": lambda parts: timedelta(*parts),
    "decimal": Decimal,
    "uuid": UUID,
    "bytes": b64decode,
    "tuple": lambda items: tuple(map(_rich, items)),
    "frozenset": lambda items: frozenset(map(_rich, items)),
    "set": lambda items: set(map(_rich, items)),
    "dict": lambda pairs: {_rich(key): _rich(item) for key, item in pairs},
    "list": lambda items: list(map(_rich, items)),
}


def _rich(value: Any) -> Any:
    """Return what `_plain` was given."""
    if type(value) is dict:
        return {key: _rich(item) for key, item in value.items()}
    if type(value) is not list:
        return value
    if len(value) == 2 and type(value[0]) is str and value[0].startswith(MARK):  # noqa: PLR2004  name and content
        return RESTORE[value[0].removeprefix(MARK)](value[1])
    return [_rich(item) for item in value]
