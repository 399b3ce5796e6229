"""Watches SQLite files by their `PRAGMA data_version`, told by inotify when to look.

A commit writes its pages to the `-wal` file first and becomes visible a moment later, through
shared memory that inotify cannot see. So after an event the watcher looks at once and then again
after 1, 2, 4, … ms, up to the one look a second that it takes anyway: no commit is missed, and a
quiet file costs next to nothing. Without inotify it looks every 5 ms.
"""

from __future__ import annotations

import sqlite3
from contextlib import ExitStack
from selectors import EVENT_READ
from typing import TYPE_CHECKING

from workstate.core.wakeup.base import Watcher
from workstate.core.wakeup.directory import Directories, find_directories
from workstate.core.wakeup.outage import Outage

if TYPE_CHECKING:
    import selectors
    from collections.abc import Callable, Sequence
    from pathlib import Path


SECOND_LOOK_SECONDS = 0.001
QUIET_SECONDS = 1.0
POLL_SECONDS = 0.005
LOCK_PATIENCE_SECONDS = 1.0


class SQLiteWatcher(Watcher):
    """Calls after a commit to any of the files; a file that is not there yet is waited for."""

    def __init__(self, paths: Sequence[Path], on_change: Callable[[], None]) -> None:
        super().__init__(on_change)
        self._files = [WatchedFile(path) for path in paths]

    def _watch(self, selector: selectors.BaseSelector) -> None:
        with ExitStack() as stack:
            for file in self._files:
                stack.callback(file.close)
            directories = find_directories([file.path for file in self._files])
            if directories:
                stack.callback(directories.close)
                selector.register(directories, EVENT_READ)
            self._look_until_stopped(selector, directories)

    def _look_until_stopped(self, selector: selectors.BaseSelector, directories: Directories | None) -> None:
        longest = QUIET_SECONDS if directories else POLL_SECONDS
        pause = longest
        while not self._stopping.is_set():
            if any([file.has_changed() for file in self._files]):  # noqa: C419  each one has to be looked at
                self._tell()
            selector.select(pause)
            moved = directories is not None and directories.take_moved()
            pause = SECOND_LOOK_SECONDS if moved else min(pause * 2, longest)


class WatchedFile:
    """One database file, seen through an autocommit connection that nobody else uses.

    `data_version` stands still inside a read transaction and ignores the connection's own commits.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.resolve()
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._version = 0
        self._outage = Outage(f"SQLite file {self.path}")

    def has_changed(self) -> bool:
        """Tell whether somebody committed since the last look, or the file came, went or was replaced.

        A file that cannot be read has not changed; once it can, it has.
        """
        try:
            return self._look()
        except sqlite3.Error as error:
            self.close()
            self._outage.begin(error)
            return False

    def close(self) -> None:
        """Let go of the file; the next look opens it anew."""
        self._identity = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _look(self) -> bool:
        identity = self._find_identity()
        if identity != self._identity:
            self._reopen(identity)
            return True
        if self._connection is None:
            return False
        version = self._version
        self._version = _read_version(self._connection)
        return self._version != version

    def _find_identity(self) -> tuple[int, int] | None:
        try:
            status = self.path.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _reopen(self, identity: tuple[int, int] | None) -> None:
        self.close()
        if identity is not None:
            self._connection = sqlite3.connect(
                f"{self.path.as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=LOCK_PATIENCE_SECONDS
            )
            self._version = _read_version(self._connection)
        self._identity = identity
        self._outage.end()


def _read_version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA data_version").fetchone()[0]
    return version
