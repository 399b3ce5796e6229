"""What an entry of CACHES says, checked."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from django.core.exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = re.compile(r"[\w.-]{1,100}")
FRONT_SECONDS = 1.0
KNOWN = ("NAME", "STRICT", "FRONT_SECONDS", "DURABLE_PREFIXES")


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheOptions:
    """One cache, as all processes that use it have to see it."""

    name: str
    """Names its row and begins its keys: the KEY_PREFIX unless OPTIONS give a NAME."""
    url: str
    """Of its Redis; empty when there is none."""
    is_strict: bool = False
    """Every read looks at the regime, and the database is read each time."""
    front_seconds: float = FRONT_SECONDS
    """How long the process believes what it read from the database."""
    durable_prefixes: tuple[str, ...] = ()
    """Keys that begin so are in the database, always, and no epoch ends them."""

    @classmethod
    def read(cls, location: str, params: Mapping[str, Any]) -> Self:
        """Return what the entry says; raises ImproperlyConfigured for what it can't."""
        options = params.get("OPTIONS", {})
        for key in options:
            if key not in KNOWN:
                close = difflib.get_close_matches(str(key).upper(), KNOWN, n=1)
                advice = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(KNOWN)}."
                raise ImproperlyConfigured(f"A Workstate cache has no option {key!r}: {advice}")
        name = options.get("NAME") or params.get("KEY_PREFIX") or "default"
        if not NAME.fullmatch(name):
            raise ImproperlyConfigured(f"A cache's NAME has letters, digits, '.', '_' and '-' only, not {name!r}.")
        is_strict = bool(options.get("STRICT", False))
        return cls(
            name=name,
            url=location or "",
            is_strict=is_strict,
            front_seconds=0.0 if is_strict else float(options.get("FRONT_SECONDS", FRONT_SECONDS)),
            durable_prefixes=tuple(options.get("DURABLE_PREFIXES", ())),
        )
