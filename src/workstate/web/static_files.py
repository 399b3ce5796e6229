"""Addresses of static files that change with their content, without a step that collects them."""

from __future__ import annotations

import hashlib
import posixpath
import re
from functools import cache
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import StaticFilesStorage

VERSION_BYTES = 6
IMPORT = re.compile(rb'((?:\bfrom|^import)\s+")(\.\.?/[^"]+)(?=")', re.MULTILINE)


class VersionedStaticFilesStorage(StaticFilesStorage):
    """Adds `?v=<digest of the content>` to each address, so that browsers may keep a file for a year.

    Where a module imports another by a relative path, the server adds that one's version on the way out, so that a
    module's version changes with all that it imports. Stylesheets name no other file. A test holds both.
    """

    def url(self, name: str | None, *_: object, **__: object) -> str:
        """Return the address of the file, with its version when the file can be found."""
        address = super().url(name)
        version = find_version(name) if name else ""
        return f"{address}?v={version}" if version else address


def find_version(name: str) -> str:
    """Return what changes with the file's content and with what it imports; nothing when there is no such file."""
    return _version_now(name) if settings.DEBUG else _version(name)


def name_versions(content: bytes, *, name: str) -> bytes:
    """Return a module's source with the version of each module that it imports."""
    folder = posixpath.dirname(name)

    def add_version(match: re.Match[bytes]) -> bytes:
        version = find_version(posixpath.normpath(posixpath.join(folder, match[2].decode())))
        return match[0] + (f"?v={version}".encode() if version else b"")

    return IMPORT.sub(add_version, content)


def _version_now(name: str) -> str:
    path = finders.find(name)
    if path is None:
        return ""
    content = Path(path).read_bytes()
    if name.endswith(".js"):
        content = name_versions(content, name=name)
    return hashlib.blake2b(content, digest_size=VERSION_BYTES).hexdigest()


_version = cache(_version_now)
