"""Changes and reads a few facts at random and notes what was seen when: `python -m cache_historians FILE SEED`.

Says "ready", and goes on until a line comes. Each note is a line of JSON: ["changed", fact, version, moment] once the
change was committed and its cached value forgotten, or ["read", fact, version, moment of asking]. Moments are of the
machine's monotonic clock, which all processes share.
"""

from __future__ import annotations

import json
import random
import select
import sys
import time
from pathlib import Path

import django

FACTS = [f"fact-{number}" for number in range(3)]
CHANGES = 0.1


def main(path: Path, seed: str) -> None:
    """Work until somebody says so."""
    django.setup()
    from django.db import transaction
    from django.db.models import F

    from workstate.core.cache import cached
    from workstate.core.live.models import Stream

    @cached(key="{fact}", timeout=None)
    def version_of(fact: str) -> int:
        return Stream.objects.values_list("offset", flat=True).get(name=fact)

    def change(fact: str) -> tuple[str, str, int, float]:
        with transaction.atomic():
            Stream.objects.filter(name=fact).update(offset=F("offset") + 1)
            version = Stream.objects.values_list("offset", flat=True).get(name=fact)
            version_of.invalidate(fact)
        return ("changed", fact, version, time.monotonic())

    def read(fact: str) -> tuple[str, str, int, float]:
        asked_at = time.monotonic()
        return ("read", fact, version_of(fact), asked_at)

    dice = random.Random(seed)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    with path.open("w") as notes:
        while not select.select([sys.stdin], [], [], 0)[0]:
            act = change if dice.random() < CHANGES else read
            notes.write(json.dumps(act(dice.choice(FACTS))) + "\n")
            time.sleep(0.002)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
