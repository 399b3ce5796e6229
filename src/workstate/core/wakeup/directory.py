"""Hears from inotify that a SQLite file, or the log or journal beside it, was written."""

from __future__ import annotations

import ctypes
import logging
import os
import struct
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

logger = logging.getLogger(__name__)

COMPANION_SUFFIXES = ("", "-wal", "-journal")

# From <sys/inotify.h>.
MODIFY = 0x0002
MOVED_TO = 0x0080
CREATE = 0x0100
DELETE = 0x0200
QUEUE_OVERFLOW = 0x4000
EVENT_HEADER = struct.Struct("iIII")  # watch, mask, cookie, length of the name
BUFFER_BYTES = 65_536


class Directories:
    """The directories of some files; readable for a selector when something in them moved.

    Directories and not files, because SQLite makes and removes the log while it works. Called by
    ctypes and not through a package: those look for the C library by running programs, and a pipe to
    one of them, inherited by a process that is forked meanwhile, holds up the watcher for ever.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self._names = {os.fsencode(path.name) + suffix.encode() for path in paths for suffix in COMPANION_SUFFIXES}
        self._library = ctypes.CDLL(None, use_errno=True)
        self._descriptor = _checked(self._library.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK))
        try:
            self._watch({path.parent for path in paths})
        except OSError:
            self.close()
            raise

    def fileno(self) -> int:
        """Return the descriptor that becomes readable."""
        return self._descriptor

    def take_moved(self) -> bool:
        """Take what was heard so far and tell whether it concerned one of the files."""
        try:
            heard = os.read(self._descriptor, BUFFER_BYTES)
        except BlockingIOError:
            return False
        return any(mask & QUEUE_OVERFLOW or name in self._names for mask, name in _parse(heard))

    def close(self) -> None:
        """Stop listening."""
        os.close(self._descriptor)

    def _watch(self, directories: set[Path]) -> None:
        for directory in directories:
            mask = MODIFY | CREATE | DELETE | MOVED_TO
            _checked(self._library.inotify_add_watch(self._descriptor, os.fsencode(directory), mask))


def find_directories(paths: Sequence[Path]) -> Directories | None:
    """Listen to the directories of `paths`; return None where inotify is missing or used up."""
    if sys.platform != "linux":
        return None
    try:
        return Directories(paths)
    except OSError as error:
        logger.warning("inotify is not to be had, SQLite files are polled instead: %s", error)
        return None


def _checked(result: int) -> int:
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def _parse(heard: bytes) -> Iterator[tuple[int, bytes]]:
    start = 0
    while start < len(heard):
        _watch, mask, _cookie, length = EVENT_HEADER.unpack_from(heard, start)
        start += EVENT_HEADER.size + length
        yield mask, heard[start - length : start].rstrip(b"\0")
