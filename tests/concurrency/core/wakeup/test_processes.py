"""Watchers and hints beside other threads and processes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import pytest
from django.db import connection, connections, transaction

from calls import Calls
from real_databases import BOTH_DATABASES
from workstate.core import wakeup
from workstate.core.live.models import Stream
from workstate.core.wakeup import hint, open_watcher

pytestmark = BOTH_DATABASES

CHANNEL = "workstate_test"

#: Commits at the word of its parent, and says when each commit was done.
COMMITTER = f"""
import sys, time
import django
django.setup()
from django.db import transaction
from workstate.core.live.models import Stream
from workstate.core.wakeup import hint
for line in sys.stdin:
    with transaction.atomic():
        Stream.objects.update_or_create(name=line.strip(), defaults={{"epoch": str(time.monotonic_ns())}})
        hint("default", {CHANNEL!r})
    print(time.monotonic(), flush=True)
"""


@pytest.fixture
def calls(database):
    calls = Calls()
    watcher = open_watcher("default", CHANNEL, calls)
    watcher.start()
    calls.wait_for(1)
    yield calls
    watcher.stop()


def test_every_commit_of_several_processes_is_followed_by_a_call(database, calls):
    committers = [
        subprocess.Popen(
            [sys.executable, "-c", COMMITTER],
            env=database.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for round_number in range(20):
        for number, committer in enumerate(committers):
            before = time.monotonic()
            committer.stdin.write(f"{round_number}-{number}\n")
            committer.stdin.flush()
            calls.wait_for_call_after(before)
            committer.stdout.readline()
    for committer in committers:
        committer.communicate()
    assert Stream.objects.count() == 60


def test_last_commit_of_many_threads_is_followed_by_a_call(database, calls):
    def commit_many(name: str) -> None:
        for _ in range(50):
            with transaction.atomic():
                Stream.objects.update_or_create(name=name, defaults={"epoch": str(time.monotonic_ns())})
                hint("default", CHANNEL)
        ended.append(time.monotonic())
        connections.close_all()

    ended: list[float] = []
    threads = [threading.Thread(target=commit_many, args=[str(number)]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # The call after the last commit may have come before its thread said that it ended.
    calls.wait_for_call_after(max(ended) - 0.05)


def test_forked_child_hints_by_its_own_connection_and_leaves_its_parents_alone(database, calls):
    hint("default", CHANNEL)
    calls.settle()
    before = time.monotonic()
    child = os.fork()
    if child == 0:
        connections.settings["default"] = {**connection.settings_dict}
        del connections["default"]
        Stream.objects.create(name="child", epoch="1")
        hint("default", CHANNEL)
        wakeup.close_notifiers()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    calls.wait_for_call_after(before)
    before = time.monotonic()
    Stream.objects.create(name="parent", epoch="1")
    hint("default", CHANNEL)
    calls.wait_for_call_after(before)


def test_child_that_stops_its_parents_watcher_changes_nothing(database):
    calls = Calls()
    watcher = open_watcher("default", CHANNEL, calls)
    watcher.start()
    calls.wait_for(1)
    child = os.fork()
    if child == 0:
        watcher.stop()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    calls.settle()
    before = time.monotonic()
    Stream.objects.create(name="parent", epoch="1")
    hint("default", CHANNEL)
    calls.wait_for_call_after(before)
    watcher.stop()


def test_watcher_that_starts_while_children_are_forked_is_not_held_up_by_them(database):
    calls = Calls()
    gate, held = os.pipe()
    watcher = open_watcher("default", CHANNEL, calls)
    watcher.start()
    children = []
    for _ in range(3):
        children.append(os.fork())
        if children[-1] == 0:
            os.close(held)
            os.read(gate, 1)  # until the parent lets go
            os._exit(0)
    calls.wait_for(1)
    os.close(held)
    os.close(gate)
    for child in children:
        os.waitpid(child, 0)
    watcher.stop()
