"""Several processes publish at the same moment."""

from __future__ import annotations

import os
import subprocess
import sys

from real_databases import BOTH_DATABASES, RealDatabase
from workstate.core.live import position, read_since
from workstate.core.live.models import Event, Stream

pytestmark = BOTH_DATABASES

WRITERS = 4
EVENTS_EACH = 100

#: Publishes in one stream for itself and one for all; every fifth transaction is rolled back.
WRITER = """
import sys
import django
django.setup()
from django.db import transaction
from workstate.core import live

name, count = sys.argv[1], int(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
for number in range(count):
    with transaction.atomic():
        live.publish("organisation:1", "thing.happened", {"writer": name, "number": number})
        live.publish(f"user:{name}", "thing.happened", {"number": number})
        if number % 5 == 4:
            transaction.set_rollback(True)
"""


def start_writer(database: RealDatabase, name: str, count: int) -> subprocess.Popen[str]:
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, name, str(count)],
        env=database.environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert writer.stdout is not None
    return writer


def run_together(writers: list[subprocess.Popen[str]]) -> None:
    for writer in writers:
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate(timeout=60)
        assert writer.returncode == 0


def test_offsets_are_gapless_in_the_order_of_each_writer_whatever_is_rolled_back(database):
    place = position("organisation:1")
    run_together([start_writer(database, str(number), EVENTS_EACH) for number in range(WRITERS)])
    events = read_since("organisation:1", place, limit=WRITERS * EVENTS_EACH).events
    kept = [number for number in range(EVENTS_EACH) if number % 5 != 4]
    assert [event.offset for event in events] == list(range(1, WRITERS * len(kept) + 1))
    assert Stream.objects.get(name="organisation:1").offset == len(events)
    for writer in range(WRITERS):
        assert [event.data["number"] for event in events if event.data["writer"] == str(writer)] == kept
    assert Event.objects.count() == 2 * len(events)


def test_killed_writer_leaves_no_gap(database):
    place = position("organisation:1")
    writer = start_writer(database, "1", 1_000_000)
    assert writer.stdout.readline() == "ready\n"
    writer.stdin.write("go\n")
    writer.stdin.flush()
    while Event.objects.count() < 100:
        os.sched_yield()
    writer.kill()
    writer.communicate()
    run_together([start_writer(database, "2", 10)])
    events = read_since("organisation:1", place, limit=10**6).events
    assert [event.offset for event in events] == list(range(1, len(events) + 1))
    assert {event.data["writer"] for event in events} == {"1", "2"}
