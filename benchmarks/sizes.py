"""How much of everything a run does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """The sizes of a full run; `QUICK` has those that only prove that the benchmark works."""

    repetitions: int = 3
    enqueued: int = 5_000
    bulk: int = 10_000
    warm_up: int = 1_000
    drained: int = 10_000
    probes: int = 300
    idle_seconds: float = 10
    settle_seconds: float = 3
    small_backlog: int = 1_000
    small_backlog_rounds: int = 20
    large_backlog: int = 1_000_000
    large_backlog_drained: int = 50_000
    schedules: int = 100_000
    schedules_due: int = 100
    schedule_ticks: int = 20
    kills: int = 20
    outages: int = 20
    dead_letters: int = 10_000
    history: int = 2_000_000
    history_causes: int = 50
    claims: int = 100
    lookups: int = 10
    portions: int = 50
    tabs: int = 100
    timer_starts: int = 25
    listeners: int = 1_000
    told: int = 25


QUICK = Sizes(
    repetitions=1,
    enqueued=100,
    bulk=200,
    warm_up=50,
    drained=200,
    probes=10,
    idle_seconds=0.5,
    settle_seconds=0.2,
    small_backlog=50,
    small_backlog_rounds=2,
    large_backlog=500,
    large_backlog_drained=200,
    schedules=500,
    schedules_due=20,
    schedule_ticks=2,
    kills=1,
    outages=1,
    dead_letters=200,
    history=5_000,
    history_causes=5,
    claims=3,
    lookups=2,
    portions=2,
    tabs=5,
    timer_starts=2,
    listeners=10,
    told=2,
)
