"""Results of functions are kept, computed once, and forgotten on commit."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
from django.db import connection, connections, transaction

from caches import ALL_TIERS, as_default
from workbench.waiting import wait_until
from workstate.core.cache import cached, fills, invalidate_key, invalidate_pattern, invalidate_prefix
from workstate.core.cache.errors import NotCacheableError
from workstate.core.cache.functions import workstate_cache
from workstate.core.cache.models import CacheRegime
from workstate.core.cache.processes import stop_links
from workstate.core.cache.promises import make_promise

pytestmark = ALL_TIERS


@pytest.fixture
def default(lasting_database, redis_url, settings):
    """The default cache, in which functions keep their results."""
    with as_default(settings, redis_url) as cache:
        yield cache


@pytest.fixture
def double(default):
    """A function that counts its calls."""
    calls = count(1)

    @cached(key="double_{number}")
    def double(number, factor=2):
        double.calls = next(calls)
        return {"product": number * factor}

    double.calls = 0
    return double


def test_result_is_kept_for_its_arguments(double):
    assert [double(2), double(2), double(number=2), double(3)] == [{"product": n} for n in (4, 4, 4, 6)]
    assert double.calls == 2
    assert double.__name__ == "double"


def test_result_is_forgotten_by_its_arguments_by_key_and_by_pattern(double):
    for forget in (
        lambda: double.invalidate(2),
        lambda: invalidate_key("double_2"),
        lambda: invalidate_pattern("double_*"),
    ):
        calls = double.calls
        double(2)
        double(2)
        assert double.calls == calls + 1
        forget()


def test_all_with_a_prefix_are_forgotten_in_one_step(default):
    calls = count(1)

    @cached(prefix="site-7")
    def jobs(site, *, state="active"):
        return next(calls)

    @cached(prefix="site-8")
    def others(site):
        return next(calls)

    assert [jobs(1), jobs(1), jobs(2), jobs(2, state="done"), others(1)] == [1, 1, 2, 3, 4]
    invalidate_prefix("site-7")
    assert [jobs(1), jobs(1), jobs(2), others(1)] == [5, 5, 6, 4]


def test_key_may_be_a_function_and_arguments_then_anything(default):
    @cached(key=lambda thing: f"thing-{thing.name}", timeout=None)
    def describe(thing):
        return [thing.name]

    thing = threading.Thread(name="seven")
    assert describe(thing) == describe(thing) == ["seven"]
    assert describe.key_of(thing) == "thing-seven"


def test_arguments_and_results_are_plain_data(default):
    @cached()
    def identity(thing):
        return object()

    with pytest.raises(NotCacheableError, match="object can't be cached"):
        identity(object())
    with pytest.raises(NotCacheableError, match="object can't be cached"):
        identity(1)


def test_query_comes_back_as_a_list(default):
    default.set("anything", 1)

    @cached(key="regimes")
    def list_regimes(name):
        return CacheRegime.objects.filter(name=name).values("name")

    name = default.options.name
    assert list_regimes(name) == list_regimes(name) == [{"name": name}]


def test_coroutine_and_other_backend_are_refused_by_name(default):
    async def coroutine():
        """Do nothing."""

    with pytest.raises(TypeError, match="is a coroutine function"):
        cached()(coroutine)
    with pytest.raises(TypeError, match="LocMemCache: @cached needs a WorkstateCache"):
        cached(cache="plain")(lambda: 1)()


def test_what_another_has_put_under_the_key_is_no_result(double, default):
    default.set("double_2", ["something else"])
    assert double(2) == {"product": 4}
    assert double(2) == {"product": 4}
    assert double.calls == 1


def test_invalidation_waits_for_the_commit_and_does_not_come_after_a_rollback(double, default):
    double(2)
    with transaction.atomic():
        double.invalidate(2)
        transaction.set_rollback(True)
    double(2)
    assert double.calls == 1
    with transaction.atomic():
        double.invalidate(2)
        double(2)
        assert double.calls == 1
    double(2)
    assert double.calls == 2


def test_nothing_is_kept_of_what_a_transaction_reads(double):
    with transaction.atomic():
        double(2)
        double(2)
    assert double.calls == 2
    double(2)
    with transaction.atomic():
        double(2)
    assert double.calls == 3


@pytest.mark.parametrize("forget", ["key", "pattern", "prefix", "clear", "set"])
def test_reader_that_fills_late_does_not_overwrite_what_is_newer(default, forget):
    truth = ["old"]
    has_read, may_go_on = threading.Event(), threading.Event()

    @cached(key="truth", prefix="facts")
    def read():
        value = truth[0]
        if threading.current_thread() is not threading.main_thread():
            has_read.set()
            may_go_on.wait(60)
        return value

    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(_then_close, read)
        has_read.wait(60)
        truth[0] = "new"
        {
            "key": read.invalidate,
            "pattern": lambda: invalidate_pattern("tru*"),
            "prefix": lambda: invalidate_prefix("facts"),
            "clear": default.clear,
            "set": lambda: default.set("truth", "set"),
        }[forget]()
        may_go_on.set()
        assert late.result() == "old"
    if forget == "set":
        assert default.get("truth") == "set"
    else:
        assert read() == "new"


def _then_close(function):
    try:
        return function()
    finally:
        connection.close()


def test_threads_that_miss_together_compute_once(default):
    calls = count(1)
    start = threading.Barrier(10)

    @cached(key="costly")
    def costly():
        time.sleep(0.2)
        return next(calls)

    def ask(_):
        start.wait()
        return _then_close(costly)

    with ThreadPoolExecutor(10) as pool:
        assert list(pool.map(ask, range(10))) == [1] * 10
    assert default.get_or_set("other", costly) == 1


def test_what_a_function_raises_ends_its_promise(default):
    outcomes = iter([ValueError("no"), "yes"])

    @cached(key="moody")
    def moody():
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    with pytest.raises(ValueError, match="no"):
        moody()
    assert moody() == "yes"
    assert default.get("moody") is not None


def test_promise_of_a_process_that_died_is_taken_over(double, default):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    cell = default.cell("double_2")
    own = f"|{os.getpid()}|".encode()
    cell.add(make_promise().replace(own, f"|{child.pid}|".encode()), 60)
    child.communicate(b"\n")
    begun_at = time.monotonic()
    assert double(2) == {"product": 4}
    assert time.monotonic() - begun_at < fills.PATIENCE_SECONDS
    assert double(2) == {"product": 4}
    assert double.calls == 1


def test_who_has_waited_long_enough_computes_for_itself(double, default, monkeypatch):
    monkeypatch.setattr(fills, "PATIENCE_SECONDS", 0.1)
    default.cell("double_2").add(make_promise(), 60)  # of this process, which lives
    assert double(2) == {"product": 4}
    assert default.get("double_2") is None
    assert default.add("double_2", "a promise is no value") is True


def test_result_is_computed_anew_before_it_expires_by_one_reader(default, monkeypatch):
    calls = count(1)

    @cached(key="early", timeout=60)
    def early():
        return next(calls)

    assert early() == 1
    monkeypatch.setattr("workstate.core.cache.functions.is_nearly_over", lambda *_: True)
    assert early() == 2
    default.cell("early").beside("early").add(make_promise(), 60)  # somebody is at it
    assert early() == 2
    monkeypatch.undo()
    assert early() == 2


def test_functions_work_while_the_database_is_away_from_the_cache(double):
    name = workstate_cache("default").options.name
    wait_until(lambda: double(2) == {"product": 4})
    with connections["default"].cursor() as cursor:
        cursor.execute("ALTER TABLE workstate_cache_regime RENAME TO elsewhere")
        try:
            stop_links()
            begun_at = time.monotonic()
            assert double(3) == {"product": 6}
            assert time.monotonic() - begun_at < fills.PATIENCE_SECONDS
        finally:
            cursor.execute("ALTER TABLE elsewhere RENAME TO workstate_cache_regime")
    assert CacheRegime.objects.filter(name=name).exists()
