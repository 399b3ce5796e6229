"""Counts how often each content has come up in a file, on disk, so that memory stays the same for any file."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CACHE_KIB = 4096


class OccurrenceCounter:
    """Numbers equal contents 1, 2, 3 …, so that two equal rows of a file are two entries, each added once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def number(self, digest: str) -> int:
        """Count this content once more and return how often it has come up."""
        (times,) = self._connection.execute(
            "INSERT INTO seen VALUES (?, 1) ON CONFLICT (digest) DO UPDATE SET times = times + 1 RETURNING times",
            (digest,),
        ).fetchone()
        return int(times)


@contextmanager
def count_occurrences() -> Iterator[OccurrenceCounter]:
    """Give a counter that starts empty and is gone afterwards."""
    # An empty name is SQLite's private temporary file: unlinked at once, whatever becomes of the process.
    with closing(sqlite3.connect("", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        connection.execute("CREATE TABLE seen (digest TEXT PRIMARY KEY, times INTEGER NOT NULL) WITHOUT ROWID")
        connection.execute("BEGIN")
        yield OccurrenceCounter(connection)
