"""The links and gates of this process; a forked child begins with none."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from workstate.core.cache.gate import Gate
from workstate.core.cache.link import Link, address_of

if TYPE_CHECKING:
    from workstate.core.cache.options import CacheOptions

_lock = threading.Lock()
_gates: dict[CacheOptions, Gate] = {}
_links: dict[str, Link] = {}


def gate_for(options: CacheOptions) -> Gate:
    """Return this process's gate of a cache."""
    gate = _gates.get(options)
    return gate if gate is not None else _open(options)


def stop_links() -> None:
    """End this process's probes, close its connections to Redis and forget what it knows."""
    with _lock:
        links = list(_links.values())
        _links.clear()
        _gates.clear()
    for link in links:
        link.stop()


def _open(options: CacheOptions) -> Gate:
    with _lock:
        if options not in _gates:
            link = _link_to(options.url) if options.url else None
            gate = Gate(options, link)
            if link is not None:
                link.attach(gate)
            _gates[options] = gate
        return _gates[options]


def _link_to(url: str) -> Link:
    address = address_of(url)
    if address not in _links:
        _links[address] = Link(address)
    return _links[address]


def _forget() -> None:
    global _lock  # noqa: PLW0603  another thread of the parent may have held it
    _lock = threading.Lock()
    _gates.clear()
    _links.clear()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_forget)
