"""Addresses of static files that change with their content, without a step that collects them."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage

VERSION_BYTES = 6


class VersionedStaticFilesStorage(StaticFilesStorage):
    """Adds `?v=<digest of the content>` to each address, so that browsers may keep a file for a year.

    It cannot see references between static files: a stylesheet or a module names no other one by a relative
    path. A test holds that.
    """

    def url(self, name: str | None, *_: object, **__: object) -> str:
        """Return the address of the file, with its version when the file can be found."""
        address = super().url(name)
        version = _version_now(name) if settings.DEBUG else _version(name)
        return f"{address}?v={version}" if version else address


def _version_now(name: str | None) -> str:
    path = finders.find(name) if name else None
    if path is None:
        return ""
    return hashlib.blake2b(Path(path).read_bytes(), digest_size=VERSION_BYTES).hexdigest()


_version = cache(_version_now)
