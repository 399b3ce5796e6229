"""Django's sessions, kept in the database and read through the cache while Redis carries it.

    SESSION_ENGINE = "workstate.core.cache.sessions"

The row is the truth: no flush of a Redis signs anybody out, and no old snapshot of one signs anybody in. What is kept
beside it is the row's signed text under a digest of the session's key, for a minute. Saving and ending a session
forget it: before, so that a process that dies in between leaves none behind, and after the commit, so that none stays
that somebody has read in between.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.contrib.sessions.backends import db
from django.utils import timezone

from workstate.core.cache.functions import cached, workstate_cache

if TYPE_CHECKING:
    from datetime import datetime

SECONDS = 60.0
DIGEST_BYTES = 32


class NoSessionError(Exception):
    """The session has ended, or there never was one: which is not worth an entry for each key that somebody makes up."""


def _entry_of(session_key: str) -> str:
    return f"session:{blake2b(session_key.encode(), digest_size=DIGEST_BYTES).hexdigest()}"


@cached(timeout=SECONDS, key=_entry_of, only_in_redis=True)
def _read(session_key: str) -> tuple[str, datetime]:
    row = db.SessionStore.get_model_class().objects.filter(session_key=session_key, expire_date__gt=timezone.now())
    if (found := row.values_list("session_data", "expire_date").first()) is None:
        raise NoSessionError
    return found


def _find(session_key: str) -> tuple[str, datetime] | None:
    try:
        return _read(session_key)
    except NoSessionError:
        return None


class SessionStore(db.SessionStore):
    """A session; see the module."""

    def load(self) -> dict[str, Any]:
        """Return what the session holds; nothing, and no key, when it has ended."""
        kept = None if self.session_key is None else _find(self.session_key)
        if kept is None or kept[1] <= timezone.now():
            self._session_key = None
            return {}
        content: dict[str, Any] = self.decode(kept[0])
        return content

    async def aload(self) -> dict[str, Any]:
        """Do what `load` does."""
        return await sync_to_async(self.load)()

    def save(self, must_create: bool = False) -> None:
        """Write the row, and forget what is kept of it."""
        if (key := self.session_key) is None:
            self.create()  # which saves it under a new key
            return
        _forget_now(key)
        super().save(must_create)
        _read.invalidate(key)

    async def asave(self, must_create: bool = False) -> None:
        """Do what `save` does."""
        await sync_to_async(self.save)(must_create)

    def delete(self, session_key: str | None = None) -> None:
        """Delete the row, and forget what is kept of it."""
        key = session_key or self.session_key
        if key is None:
            return
        _forget_now(key)
        super().delete(key)
        _read.invalidate(key)

    async def adelete(self, session_key: str | None = None) -> None:
        """Do what `delete` does."""
        await sync_to_async(self.delete)(session_key)


def _forget_now(session_key: str) -> None:
    cache = workstate_cache("default")
    if cache.is_in_redis:
        cache.delete(_entry_of(session_key))
