"""How observations become rates, and samples become medians, ratios and verdicts."""

from __future__ import annotations

import pytest
from benchmarks import report
from benchmarks.budgets import Budget
from benchmarks.measures import observation
from benchmarks.measures.base import Sample
from benchmarks.run import Outcome, Results
from benchmarks.sizes import QUICK


def test_time_between_two_polls_is_interpolated():
    assert observation._time_of(50, [(10.0, 0), (11.0, 100)]) == pytest.approx(10.5)


def test_time_of_a_count_that_a_poll_saw_is_that_of_the_poll():
    assert observation._time_of(40, [(0.0, 0), (1.0, 40), (5.0, 100)]) == pytest.approx(1.0)


def test_ratio_is_the_median_of_ratios_within_each_repetition():
    baseline, peer = Outcome(), Outcome()
    for repetition, (slow, fast) in enumerate([(100, 300), (50, 150), (200, 200)]):
        baseline.samples[repetition] = _sample(slow)
        peer.samples[repetition] = _sample(fast)
    assert peer.ratio("tasks/s", to=baseline, of="tasks/s") == pytest.approx(3)


def test_repetition_that_the_baseline_lacks_gives_no_ratio():
    peer = Outcome(samples={0: _sample(300)})
    assert peer.ratio("tasks/s", to=Outcome(), of="tasks/s") is None


def test_void_sample_is_told_in_the_report():
    results = _results(Outcome(void=["VoidSampleError: 10 tasks ran, 9 are recorded as promised"]))
    assert "drain of workstate_sqlite: VoidSampleError: 10 tasks ran, 9" in report.render(results, {})


@pytest.mark.parametrize(("tasks_per_second", "verdict"), [(250, "MISSED"), (350, "kept")])
def test_report_says_whether_a_budget_was_kept(tasks_per_second, verdict):
    assert verdict in report.render(_results(Outcome(samples={0: _sample(tasks_per_second)})), {})


def test_budget_of_something_that_was_not_measured_is_not_in_the_report():
    budget = Budget(measure="latency", system="workstate_sqlite", figure="p50 ms", limit=2)
    assert budget.found(_results(Outcome())) is None


def _results(outcome):
    results = Results(QUICK)
    results.outcomes["drain"] = {"celery_redis": Outcome(samples={0: _sample(100)}), "workstate_sqlite": outcome}
    return results


def _sample(tasks_per_second):
    return Sample(label="", notes="", records="", durability="", figures={"tasks/s": float(tasks_per_second)})
