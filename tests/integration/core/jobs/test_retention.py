"""What the pruner removes and when, and what it leaves because somebody waits for it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from celery.result import AsyncResult
from django.utils import timezone

from engine.fixtures import task_of
from engine.jobs import EXPIRED, FAILURE, claim_one, closing, elsewhere, header_job, new_job, new_process, states
from real_databases import BOTH_DATABASES
from workstate.core.jobs.batches import create_batch, open_batch
from workstate.core.jobs.connections import ledger_alias
from workstate.core.jobs.errors import BatchEndedError
from workstate.core.jobs.history import Attempt, Notice
from workstate.core.jobs.ledger import ledger_on
from workstate.core.jobs.models import Batch, Chord, Job, Limit, Process, Turn
from workstate.core.jobs.states import State
from workstate.core.live import publish
from workstate.core.live.models import Event
from workstate.core.retention import Pruner, pruner
from workstate.core.retention.rules import RESULTS_TURN
from workstate.core.schedules.models import Schedule, ScheduleRun

pytestmark = BOTH_DATABASES

DAY = timedelta(days=1)


@pytest.fixture
def process(ledger):
    return ledger.register(new_process())


def note_end(batch_id):
    """Stand for what follows a batch."""


def prune():
    return Pruner(ledger_alias()).prune()


def ended(ledger, process, task_id, age, state=State.COMPLETED, **fields):
    """Insert a job that ended so long ago."""
    ledger.insert([new_job(task_id, **fields)])
    job = claim_one(ledger, process)
    failure = FAILURE if state is State.DISCARDED else None
    ledger.close([closing(job, process, state=state, ended_at=timezone.now() - age, failure=failure, result='"7"')])
    return Job.objects.get(task_id=task_id)


def test_each_state_has_a_period_of_its_own(ledger, process, settings):
    settings.WORKSTATE = {"KEEP_COMPLETED": 2 * DAY, "KEEP_CANCELLED": 4 * DAY, "KEEP_DISCARDED": 6 * DAY}
    for state in (State.COMPLETED, State.CANCELLED, State.DISCARDED):
        for days in (1, 3, 5, 7):
            ended(ledger, process, f"{state}-{days}", days * DAY, state)
    ledger.insert([new_job("waiting")])

    report = prune()

    assert set(states()) == {
        "waiting", "completed-1", "cancelled-1", "cancelled-3", "discarded-1", "discarded-3", "discarded-5",
    }  # fmt: skip
    assert report.rows["completed jobs"] == 3
    assert set(Attempt.objects.values_list("job_id", flat=True)) <= set(Job.objects.values_list("id", flat=True))


def test_none_is_for_ever(ledger, process, settings):
    settings.WORKSTATE = {"KEEP_COMPLETED": None, "KEEP_DISCARDED": None}
    ended(ledger, process, "done", 1000 * DAY)
    ended(ledger, process, "dead", 1000 * DAY, State.DISCARDED)

    prune()
    assert set(states()) == {"done", "dead"}


def test_it_goes_in_portions_of_a_thousand_rows(ledger, process, monkeypatch):
    monkeypatch.setattr(pruner, "PORTION_ROWS", 10)
    monkeypatch.setattr(pruner, "PAUSE_SECONDS", 0)
    for number in range(35):
        ended(ledger, process, str(number), 30 * DAY)

    report = prune()
    assert states() == {}
    assert (report.rows["completed jobs"], report.largest_portion_rows) == (35, 10)


def test_jobs_of_a_batch_stay_until_it_has_ended(ledger, process):
    batch = create_batch()
    ended(ledger, process, "part", 30 * DAY, batch_id=batch.id)

    prune()
    assert set(states()) == {"part"}
    batch.seal()
    prune()
    assert states() == {}
    assert Batch.objects.count() == 1


def abandoned(ledger, process, app, **signatures):
    """A batch that was opened 30 days ago, and whose one job was added and ended then; nobody has sealed it."""
    batch = create_batch(**{name: task_of(app, function).s() for name, function in signatures.items()})
    ended(ledger, process, "part", 30 * DAY, batch_id=batch.id)
    long_ago = timezone.now() - 30 * DAY
    Batch.objects.update(created_at=long_ago)
    Job.objects.update(enqueued_at=long_ago)
    return batch


def test_batch_that_nobody_seals_is_cancelled_in_the_end_and_its_jobs_go(app, ledger, process):
    def note_success(batch_id):
        raise AssertionError

    batch = abandoned(ledger, process, app, on_end=note_end, on_success=note_success)

    prune()
    row = Batch.objects.get()
    assert (row.is_ended, row.reason, row.size, row.completed) == (True, "never sealed", 1, 1)
    assert list(Job.objects.values_list("task", flat=True)) == ["note_end"]
    prune()
    assert Job.objects.count() == 1
    with pytest.raises(BatchEndedError):
        batch.add(task_of(app, note_end), (0,))


@pytest.mark.parametrize("state", ["available", "completed"])
def test_batch_that_still_grows_or_runs_waits_to_be_sealed(app, ledger, process, state):
    batch = abandoned(ledger, process, app)
    ledger.insert([new_job("young", batch_id=batch.id)])
    young = Job.objects.filter(task_id="young")
    if state == "available":
        young.update(enqueued_at=timezone.now() - 30 * DAY)
    else:
        ledger.close([closing(claim_one(ledger, process), process)])

    prune()
    assert Batch.objects.get().ended_at is None
    assert states() == {"part": "completed", "young": state}


def test_batch_that_nobody_seals_stays_where_jobs_are_kept_for_ever(app, ledger, process, settings):
    settings.WORKSTATE = {"KEEP_COMPLETED": None}
    abandoned(ledger, process, app)

    prune()
    assert Batch.objects.get().ended_at is None


def test_batches_go_when_their_jobs_would(ledger, process):
    ages = {"young": DAY, "old": 30 * DAY, "failed": 30 * DAY, "old failed": 100 * DAY}
    for name, age in ages.items():
        Batch.objects.create(
            name=name, size=1, discarded=int("failed" in name), created_at=timezone.now() - age,
            ended_at=timezone.now() - age,
        )  # fmt: skip

    prune()
    assert set(Batch.objects.values_list("name", flat=True)) == {"young", "failed"}


def test_header_stays_until_its_chord_has_fired(ledger, process):
    ended(ledger, process, "part", 30 * DAY, chord_id="sum")
    Chord.objects.create(chord_id="sum", size=2, created_at=timezone.now() - 30 * DAY)

    prune()
    assert set(states()) == {"part"}
    assert Job.objects.get().result == '"7"'
    Chord.objects.update(fired_at=timezone.now())
    prune()
    assert (states(), Chord.objects.count()) == ({}, 0)


def test_chord_that_can_never_fire_is_given_up_in_the_end(ledger, process):
    ledger.insert([header_job("waiting", "held")])
    for chord_id in ("held", "stuck"):
        Chord.objects.create(chord_id=chord_id, size=2, created_at=timezone.now() - 100 * DAY)

    prune()
    assert [chord.chord_id for chord in Chord.objects.all()] == ["held"]


def test_job_stays_while_its_unique_key_is_taken_or_its_followers_are_to_be_told(ledger, process):
    key = ended(ledger, process, "key", 30 * DAY)
    Job.objects.filter(id=key.id).update(unique_key="k", is_key_free=False, unique_until=timezone.now() + DAY)
    notice = ended(ledger, process, "notice", 30 * DAY)
    Notice.objects.create(job_id=notice.id, taken_at=timezone.now())

    prune()
    assert set(states()) == {"key", "notice"}
    Notice.objects.all().delete()
    Job.objects.update(unique_until=timezone.now() - DAY)
    prune()
    assert states() == {}


@pytest.mark.parametrize("state", [state for state in State if state is not State.COMPLETED])
def test_limit_stays_as_long_as_a_job_of_it_waits_or_runs_or_can_be_replayed(ledger, state):
    for key in ("kept", "idle"):
        Limit.objects.create(key=key, concurrency=1)
        ledger.insert([new_job(key, limit_key=key)])
    Job.objects.filter(task_id="kept").update(state=state)
    Job.objects.filter(task_id="idle").update(state=State.COMPLETED)

    assert prune().rows["limits"] == 1
    assert [limit.key for limit in Limit.objects.all()] == ["kept"]


def test_limit_stays_while_a_job_of_it_is_in_line(ledger):
    Limit.objects.create(key="full", concurrency=1)
    ledger.insert([new_job(limit_key="full", lane="limited")])

    assert prune().rows["limits"] == 0


def test_limit_stays_until_its_rate_lets_the_next_job_start(ledger):
    Limit.objects.create(
        key="daily", rate_count=1, rate_seconds=DAY.total_seconds(), next_start_at=timezone.now() + DAY
    )
    Limit.objects.create(key="looked after", rate_count=1, rate_seconds=1, wake_at=timezone.now())

    assert prune().rows["limits"] == 0
    Limit.objects.update(next_start_at=timezone.now() - DAY, wake_at=None)
    assert prune().rows["limits"] == 2


def test_many_idle_limits_are_pruned_in_portions(ledger, monkeypatch):
    monkeypatch.setattr(pruner, "PORTION_ROWS", 10)
    Limit.objects.bulk_create([Limit(key=f"organisation:{number}", concurrency=2) for number in range(25)])

    report = prune()
    assert (report.rows["limits"], report.largest_portion_rows, Limit.objects.count()) == (25, 10, 0)


def test_result_is_forgotten_when_it_expires_and_the_row_stays(app, ledger, process):
    app.conf.result_expires = timedelta(hours=6)
    ended(ledger, process, "old", timedelta(hours=7))
    ended(ledger, process, "young", timedelta(hours=5))

    assert (AsyncResult("old").state, AsyncResult("old").result) == ("PENDING", None)
    assert (AsyncResult("young").state, AsyncResult("young").result) == ("SUCCESS", "7")
    prune()
    assert dict(Job.objects.values_list("task_id", "result")) == {"old": None, "young": '"7"'}
    assert states() == {"old": "completed", "young": "completed"}


def test_results_are_looked_at_once(app, ledger, process):
    app.conf.result_expires = timedelta(hours=6)
    ended(ledger, process, "old", timedelta(hours=70))
    assert prune().rows["results"] == 1

    ended(ledger, process, "came in late", timedelta(hours=6, minutes=30))
    ended(ledger, process, "far too late", timedelta(hours=60))
    assert prune().rows["results"] == 1
    assert Turn.objects.get(name=RESULTS_TURN).reached_at > timezone.now() - timedelta(hours=6, minutes=1)


@pytest.mark.parametrize("never", [None, 0])
def test_results_may_stay_for_ever(app, ledger, process, never):
    app.conf.result_expires = never
    app.backend.expires = app.backend.prepare_expires(None)
    ended(ledger, process, "old", 5 * DAY)

    prune()
    assert (AsyncResult("old").result, Job.objects.get().result) == ("7", '"7"')


def test_saved_groups_expire_as_results_do(ledger):
    ledger.save_group("kept", "{}")
    ledger.save_group("old", "{}")
    Chord.objects.filter(chord_id="old").update(created_at=timezone.now() - 2 * DAY)

    prune()
    assert [chord.chord_id for chord in Chord.objects.all()] == ["kept"]


def test_ended_processes_go_unless_they_still_hold_a_job(ledger, process):
    holder, idle = (ledger.register(elsewhere(lease=EXPIRED)) for _ in range(2))
    ledger.insert([new_job("held")])
    claim_one(ledger, holder)
    for process_id in (holder, idle):
        ledger.end_process(process_id, "lost")
    Process.objects.filter(ended_at__isnull=False).update(ended_at=timezone.now() - 30 * DAY)

    prune()
    assert set(Process.objects.values_list("id", flat=True)) == {process, holder}


def test_runs_of_schedules_and_live_events_have_periods_too(ledger, settings):
    settings.WORKSTATE = {"KEEP_SCHEDULE_RUNS": 2 * DAY, "KEEP_EVENTS": timedelta(hours=2)}
    schedule = Schedule.objects.create(name="nightly", task="work", timing={"every": 60}, starts_at=timezone.now())
    for days in (1, 3):
        moment = timezone.now() - days * DAY
        ScheduleRun.objects.create(schedule=schedule, due_at=moment, outcome="enqueued", recorded_at=moment)
    for hours in (1, 3):
        event = publish(f"user:{hours}", "timer.started", {})
        Event.objects.filter(id=event.id).update(created_at=timezone.now() - timedelta(hours=hours))

    prune()
    assert ScheduleRun.objects.count() == 1
    assert [event.stream for event in Event.objects.all()] == ["user:1"]


def test_one_at_a_time_has_the_turn(ledger):
    first, second = Pruner(ledger_alias()), Pruner(ledger_alias())

    assert first.take_turn() is not None
    assert second.take_turn() is None
    Turn.objects.update(next_at=timezone.now() - timedelta(seconds=1))
    assert second.take_turn() is not None
    assert first.take_turn() is None


def test_row_that_another_transaction_has_locked_is_left_for_the_next_time(ledger, process, connect):
    if ledger.connection.vendor == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    ended(ledger, process, "locked", 30 * DAY)
    ended(ledger, process, "free", 30 * DAY)
    other = ledger_on(connect())
    with other.transaction():
        other.query("SELECT id FROM workstate_job WHERE task_id = 'locked' FOR UPDATE")
        prune()
        assert set(states()) == {"locked"}
    prune()
    assert states() == {}


def test_overlooked_batch_ends_and_its_callback_is_enqueued(app, ledger):
    note = task_of(app, note_end)
    with open_batch(on_end=note.s()) as batch:
        batch.add(note, (0,))
    Job.objects.all().delete()

    prune()
    assert Batch.objects.get().ended_at is not None
    assert Job.objects.filter(task="note_end").count() == 1
