"""The addresses of the product."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import URLPattern, get_resolver

if TYPE_CHECKING:
    from collections.abc import Iterator


def list_addresses(patterns: list | None = None, prefix: str = "/") -> Iterator[str]:
    """Every address of the product that takes no parameter."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        address = prefix + str(pattern.pattern)
        if any(sign in address for sign in "<(^?"):
            continue
        if isinstance(pattern, URLPattern):
            yield address
        else:
            yield from list_addresses(pattern.url_patterns, address)
