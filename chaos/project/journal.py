"""Journals beside the ledger: one line in one write, so that no process's death takes or tears a line.

Tasks write to EFFECTS, producers to PRODUCED; both are files of the run's directory. A line is a verb and its words:

    start TASK_ID KEY RETRIES     a task's body began
    end TASK_ID KEY               it is about to return
    body TASK_ID KEY SUM          what a chord's body was given, added up

    begin KEY                     a producer is about to enqueue for this key
    committed TASK_ID …           the commit returned
    rolled-back TASK_ID …         the transaction was rolled back
    withdrawn TASK_ID             it waited, and its cancellation was committed
    replayed TASK_ID              a dead letter was replayed and that was committed
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

EFFECTS = "effects.journal"
PRODUCED = "produced.journal"


def write(name: str, *words: object) -> None:
    """Append one line to a journal."""
    os.write(_descriptor(name), (" ".join(map(str, words)) + "\n").encode())


def directory() -> Path:
    """Return where the run keeps everything."""
    return Path(os.environ["CHAOS_DIRECTORY"])


@cache
def _descriptor(name: str) -> int:
    return os.open(directory() / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
