from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from workstate.apps.time_tracking.models import TimeEntry
from workstate.apps.time_tracking.services.timers import SHORTEST_LENGTH, discard_timer, start_timer, stop_timer

NOON = datetime(2026, 11, 18, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=50)


@pytest.fixture
def start(person, organisation):
    def start(description="", **options):
        return start_timer(person=person, organisation=organisation, description=description, **{"now": NOON} | options)

    return start


@pytest.fixture
def stop(person, organisation):
    def stop(entry, now=LATER):
        return stop_timer(person=person, organisation=organisation, public_id=entry.public_id, now=now)

    return stop


@pytest.fixture
def discard(person, organisation):
    def discard(entry):
        return discard_timer(person=person, organisation=organisation, public_id=entry.public_id)

    return discard


def test_started_timer_runs_with_what_was_typed(start, project, events_of, person):
    entry = start("  Boiler check ", project=project).entry
    entry.refresh_from_db()
    assert (entry.description, entry.project, entry.started_at, entry.ended_at) == ("Boiler check", project, NOON, None)
    assert events_of(person) == ["timer.started"]


def test_start_stops_the_timer_that_ran_in_the_same_moment(start, events_of, person):
    first = start("First").entry
    outcome = start("Second", now=LATER)
    first.refresh_from_db()
    assert outcome.stopped == first
    assert first.ended_at == outcome.entry.started_at == LATER
    assert events_of(person) == ["timer.started", "timer.stopped", "timer.started"]


def test_start_in_another_organisation_stops_the_one_running_elsewhere(start, person, join, other_organisation):
    first = start("First").entry
    join(other_organisation, person.email)
    start_timer(person=person, organisation=other_organisation, now=LATER)
    first.refresh_from_db()
    assert first.ended_at == LATER


def test_start_sent_twice_starts_once(start, events_of, person):
    public_id = uuid.uuid4()
    first = start("Once", public_id=public_id).entry
    again = start("Once", public_id=public_id, now=LATER)
    assert (again.entry, again.stopped) == (first, None)
    assert TimeEntry.objects.count() == 1
    assert events_of(person) == ["timer.started"]


def test_start_with_the_id_of_an_ended_timer_starts_a_new_one(start, stop):
    public_id = uuid.uuid4()
    ended = start("Once", public_id=public_id).entry
    stop(ended)
    again = start("Again", public_id=public_id, now=LATER).entry
    assert again.pk != ended.pk
    assert again.public_id != public_id


def test_start_with_the_id_of_a_stranger_s_timer_touches_it_not(start, stranger, other_organisation):
    theirs = start_timer(person=stranger, organisation=other_organisation, now=NOON).entry
    mine = start("Mine", public_id=theirs.public_id, now=LATER).entry
    theirs.refresh_from_db()
    assert theirs.is_running
    assert mine.public_id != theirs.public_id


def test_stopped_timer_becomes_an_entry(start, stop, events_of, person):
    outcome = stop(start().entry)
    assert outcome.was_running
    assert outcome.entry.ended_at == LATER
    assert events_of(person) == ["timer.started", "timer.stopped"]


def test_stop_of_a_timer_stopped_elsewhere_keeps_its_end_and_tells_nobody(start, stop, events_of, person):
    entry = start().entry
    stop(entry)
    again = stop(entry, now=LATER + timedelta(hours=1))
    assert not again.was_running
    assert again.entry.ended_at == LATER
    assert events_of(person) == ["timer.started", "timer.stopped"]


def test_stop_of_a_discarded_timer_finds_nothing(start, stop, discard):
    entry = start().entry
    discard(entry)
    outcome = stop(entry)
    assert (outcome.entry, outcome.was_running) == (None, False)


def test_stop_leaves_a_stranger_s_timer_alone(stop, stranger, other_organisation):
    theirs = start_timer(person=stranger, organisation=other_organisation).entry
    assert stop(theirs).entry is None
    theirs.refresh_from_db()
    assert theirs.is_running


def test_stop_with_a_clock_that_was_set_back_still_gives_a_length(start, stop):
    outcome = stop(start().entry, now=NOON - timedelta(minutes=5))
    assert outcome.entry.ended_at == NOON + SHORTEST_LENGTH


def test_discarded_timer_is_gone_with_its_time(start, discard, events_of, person):
    assert discard(start().entry).was_running
    assert not TimeEntry.objects.exists()
    assert events_of(person) == ["timer.started", "timer.discarded"]


def test_discard_of_a_timer_stopped_elsewhere_keeps_the_entry(start, stop, discard):
    entry = start().entry
    stop(entry)
    outcome = discard(entry)
    assert (outcome.entry.ended_at, outcome.was_running) == (LATER, False)
    assert TimeEntry.objects.count() == 1


def test_failed_start_leaves_the_former_timer_running_and_no_event(start, events_of, person, monkeypatch):
    start("First")
    monkeypatch.setattr(TimeEntry, "save", _refuse)
    with pytest.raises(RuntimeError):
        start("Second", now=LATER)
    assert TimeEntry.objects.running().count() == 1
    assert events_of(person) == ["timer.started"]


def _refuse(*args, **kwargs):
    raise RuntimeError("The disk is full.")


def test_database_refuses_a_second_running_timer(add_entry):
    add_entry(ended_at=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        add_entry(ended_at=None)


@pytest.mark.parametrize("length", [timedelta(), timedelta(seconds=-1)])
def test_database_refuses_an_entry_without_a_length(add_entry, length):
    with pytest.raises(IntegrityError), transaction.atomic():
        add_entry(started_at=NOON, ended_at=NOON + length)
