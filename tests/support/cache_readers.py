"""Many readers of one costly function, in a process of their own: `python -m cache_readers FILE THREADS`.

Says "ready", waits for a line, has all threads ask at once, and writes what they got. Each computing adds a line to
the file.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import django

COSTS_SECONDS = 1.0


def main(path: Path, threads: int) -> None:
    """Ask once in each thread."""
    django.setup()
    from django.core.cache import cache
    from django.db import connections

    from workstate.core.cache import cached

    @cached(key="hot", timeout=60)
    def compute() -> str:
        with path.open("a") as file:
            file.write("computed\n")
        time.sleep(COSTS_SECONDS)
        return "hot"

    def ask(_: int) -> str:
        try:
            return compute()
        finally:
            connections.close_all()

    cache.get("warm")  # connections and imports are not what is looked at
    with ThreadPoolExecutor(threads) as pool:
        say("ready")
        sys.stdin.readline()
        say(json.dumps(list(pool.map(ask, range(threads)))))


def say(line: str) -> None:
    """Tell whoever started this."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
