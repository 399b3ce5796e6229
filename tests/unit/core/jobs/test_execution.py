from __future__ import annotations

import threading

from workstate.core.jobs.execution import Execution
from workstate.core.jobs.records import Token

TOKEN = Token(1, 1, 1)


def test_nothing_runs_outside_a_task():
    assert Execution.current() is None


def test_inner_execution_ends_and_the_outer_one_goes_on():
    outer, inner = (Execution(task_id=task_id, token=TOKEN) for task_id in ("outer", "inner"))
    with outer.running():
        with inner.running():
            assert Execution.current() is inner
        assert Execution.current() is outer
    assert Execution.current() is None


def test_other_threads_run_something_else():
    seen = []
    with Execution(task_id="here", token=TOKEN).running():
        thread = threading.Thread(target=lambda: seen.append(Execution.current()))
        thread.start()
        thread.join()
    assert seen == [None]
