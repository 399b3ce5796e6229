"""Huey on SQLite."""

from __future__ import annotations

from huey import SqliteHuey

from benchmarks import places
from benchmarks.systems.huey_base import HueySystem, add_tasks

POLL_SECONDS = "0.005"
SYNCHRONOUS = {0: "OFF", 1: "NORMAL", 2: "FULL", 3: "EXTRA"}

huey = SqliteHuey("benchmarks", filename=str(places.directory() / "huey.sqlite3"), results=False)
increment, record_start = add_tasks(huey)


class HueyOnSqlite(HueySystem):
    """Huey that polls a table of SQLite."""

    label = "Huey on SQLite"
    notes = (
        "2 processes, polling every 5 ms (as shipped 100 ms to 10 s, with the latency that brings), "
        "no acknowledgement: what a killed worker held is lost; results off"
    )
    application = "benchmarks.systems.huey_sqlite.huey"
    consumer_options = ("--delay", POLL_SECONDS, "--max-delay", POLL_SECONDS)
    increment = staticmethod(increment)
    record_start = staticmethod(record_start)

    def durability(self) -> str:
        ((journal_mode,),) = huey.storage.sql("PRAGMA journal_mode", results=True)
        ((synchronous,),) = huey.storage.sql("PRAGMA synchronous", results=True)
        return f"SQLite, journal_mode={journal_mode}, synchronous={SYNCHRONOUS[synchronous]}"


system = HueyOnSqlite
