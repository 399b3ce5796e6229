from __future__ import annotations

import uuid
from functools import partial

import pytest

from real_databases import BOTH_DATABASES
from workstate.apps.time_tracking.models import TimeEntry
from workstate.apps.time_tracking.services import timers
from workstate.apps.time_tracking.services.timers import discard_timer, start_timer, stop_timer
from workstate.core.live.models import Event

pytestmark = BOTH_DATABASES

ROUNDS = 6
STARTS = 4


@pytest.fixture
def start(person, organisation):
    return partial(start_timer, person=person, organisation=organisation)


def types_of_events(person):
    return list(Event.objects.filter(stream=f"user:{person.pk}").order_by("offset").values_list("type", flat=True))


def test_starts_at_the_same_moment_leave_one_timer_and_lose_none(at_once, start, person):
    for _ in range(ROUNDS):
        at_once(*[start] * STARTS)
    entries = TimeEntry.objects.filter(person=person)
    assert entries.count() == ROUNDS * STARTS
    assert entries.running().count() == 1
    told = types_of_events(person)
    assert told.count("timer.started") == ROUNDS * STARTS
    assert told.count("timer.stopped") == ROUNDS * STARTS - 1
    running = 0
    for event in told:  # told in the order in which it happened: never two at once
        running += 1 if event == "timer.started" else -1
        assert running in {0, 1}


def test_one_start_sent_many_times_at_once_starts_once(at_once, start, person):
    outcomes = at_once(*[partial(start, public_id=uuid.uuid4())] * STARTS)
    assert len({outcome.entry.pk for outcome in outcomes}) == 1
    assert types_of_events(person) == ["timer.started"]


def test_stop_start_and_discard_at_once_end_in_a_state_that_events_tell(at_once, start, person, organisation):
    for _ in range(ROUNDS):
        entry = start().entry
        end = {"person": person, "organisation": organisation, "public_id": entry.public_id}
        at_once(partial(stop_timer, **end), partial(discard_timer, **end), start, partial(stop_timer, **end))
        running = list(TimeEntry.objects.running().values_list("public_id", flat=True))
        started = [str(public_id) for public_id in running]
        last = Event.objects.filter(stream=f"user:{person.pk}", type="timer.started").latest("offset")
        assert started == [last.data["entry"]]


def test_stop_sent_twice_at_once_stops_once(at_once, start, person, organisation):
    entry = start().entry
    stop = partial(stop_timer, person=person, organisation=organisation, public_id=entry.public_id)
    outcomes = at_once(stop, stop, stop)
    assert sorted(outcome.was_running for outcome in outcomes) == [False, False, True]
    assert {outcome.entry.ended_at for outcome in outcomes} == {TimeEntry.objects.get().ended_at}


def test_start_that_loses_to_one_it_could_not_see_runs_again(at_once, start, person, monkeypatch):
    original = timers._stop_all
    seen = []

    def hide_once(running, now):
        seen.append(now)
        return None if len(seen) == 1 else original(running, now)

    start()
    monkeypatch.setattr(timers, "_stop_all", hide_once)
    outcome = start()
    assert len(seen) == 2
    assert outcome.stopped is not None
    assert TimeEntry.objects.running().get() == outcome.entry
