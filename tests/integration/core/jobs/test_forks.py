"""A pool process that is forked while a thread of the worker writes can write as well."""

from __future__ import annotations

import os
import threading
import time

from engine.jobs import new_job, states
from real_databases import BOTH_DATABASES
from workbench.waiting import wait_until
from workstate.core.jobs.connections import close_private_connections, private_connection
from workstate.core.jobs.ledger import ledger_on

pytestmark = BOTH_DATABASES

WRITTEN, LOCKED_FOR_EVER = 0, 1


def write(task_id):
    ledger_on(private_connection("default")).insert([new_job(task_id)])


def child_writes():
    """Fork a process that writes; returns its exit code."""
    child = os.fork()
    if child == 0:
        code = LOCKED_FOR_EVER
        try:
            write("of the child")
            code = WRITTEN
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_child_that_is_forked_while_a_thread_writes_can_write(database):
    began = threading.Event()

    def write_at_leisure():
        with ledger_on(private_connection("default")).transaction():
            write("of the thread")
            began.set()
            time.sleep(0.2)  # the fork comes meanwhile
        close_private_connections()

    thread = threading.Thread(target=write_at_leisure)
    thread.start()
    wait_until(began.is_set)
    assert child_writes() == WRITTEN
    thread.join()
    assert states() == {"of the thread": "available", "of the child": "available"}
