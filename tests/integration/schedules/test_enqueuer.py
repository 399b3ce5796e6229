from datetime import UTC, datetime, timedelta

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext
from kombu.exceptions import OperationalError as BrokerError

from workstate.core.schedules import selectors
from workstate.core.schedules.enqueuer import ScheduleEnqueuer, Tick
from workstate.core.schedules.models import Schedule, ScheduleRun

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Enqueued(list):
    """Stands for Celery: notes what it is asked to enqueue, or fails."""

    error = None

    def __call__(self, schedule, due_at):
        if self.error and schedule.task == "broken":
            raise self.error
        self.append((schedule.name, due_at))
        return schedule.task_id_at(due_at)


@pytest.fixture
def enqueued():
    return Enqueued()


@pytest.fixture
def enqueuer(enqueued):
    return ScheduleEnqueuer(enqueued)


def make_schedule(name="every minute", **fields):
    defaults = {"task": "tasks.work", "timing": {"every_seconds": 60}, "starts_at": NOON, "next_run_at": NOON + MINUTE}
    return Schedule.objects.create(name=name, **defaults | fields)


def test_nothing_is_enqueued_before_its_time(enqueuer, enqueued):
    make_schedule()

    assert enqueuer.tick(NOON + timedelta(seconds=59)) == Tick()
    assert enqueued == []


def test_a_due_schedule_is_enqueued_recorded_and_moved_on(enqueuer, enqueued):
    schedule = make_schedule()

    assert enqueuer.tick(NOON + MINUTE) == Tick(enqueued=1, schedules=1)
    assert enqueued == [("every minute", NOON + MINUTE)]
    schedule.refresh_from_db()
    assert (schedule.next_run_at, schedule.last_run_at, schedule.total_runs) == (NOON + 2 * MINUTE, NOON + MINUTE, 1)
    [run] = selectors.list_last_runs(schedule)
    assert (run.due_at, run.outcome, run.task_id) == (NOON + MINUTE, "enqueued", schedule.task_id_at(NOON + MINUTE))


def test_the_same_moment_again_enqueues_nothing(enqueuer, enqueued):
    make_schedule()
    enqueuer.tick(NOON + MINUTE)

    assert enqueuer.tick(NOON + MINUTE) == Tick()
    assert len(enqueued) == 1


def test_a_due_time_that_was_enqueued_before_is_a_lost_race(enqueuer, enqueued):
    schedule = make_schedule()
    enqueuer.tick(NOON + MINUTE)
    Schedule.objects.update(next_run_at=NOON + MINUTE)  # as if a hand had set it back

    assert enqueuer.tick(NOON + MINUTE) == Tick(lost=1, schedules=1)
    assert len(enqueued) == 1
    schedule.refresh_from_db()
    assert schedule.next_run_at == NOON + 2 * MINUTE


def test_a_disabled_schedule_is_left_alone(enqueuer):
    make_schedule(is_enabled=False)

    assert enqueuer.tick(NOON + MINUTE) == Tick()


def test_a_one_off_is_enqueued_and_ends(enqueuer, enqueued):
    schedule = make_schedule(timing={"at": (NOON + MINUTE).isoformat()})
    enqueuer.tick(NOON + MINUTE)

    schedule.refresh_from_db()
    assert schedule.next_run_at is None
    assert enqueuer.tick(NOON + 10 * MINUTE) == Tick()
    assert len(enqueued) == 1


def test_missed_due_times_are_recorded_as_one_stretch(enqueuer, enqueued):
    schedule = make_schedule()

    assert enqueuer.tick(NOON + 5 * MINUTE) == Tick(enqueued=1, missed=4, schedules=1)
    assert enqueued == [("every minute", NOON + 5 * MINUTE)]
    [missed] = selectors.list_missed_runs(NOON)
    assert (missed.schedule, missed.due_at, missed.missed_count) == (schedule, NOON + MINUTE, 4)


def test_run_all_enqueues_the_rest_at_the_next_look(enqueuer, enqueued):
    schedule = make_schedule(catch_up="run_all")
    now = NOON + 150 * MINUTE

    assert enqueuer.tick(now).enqueued == 100
    assert selectors.find_next_due_at() <= now
    assert enqueuer.tick(now).enqueued == 50
    assert [due_at for _, due_at in enqueued] == [NOON + number * MINUTE for number in range(1, 151)]
    schedule.refresh_from_db()
    assert schedule.total_runs == 150


def test_more_schedules_than_a_batch_are_all_enqueued_in_one_tick(enqueued):
    for number in range(25):
        make_schedule(f"schedule {number}")

    assert ScheduleEnqueuer(enqueued, batch_size=10).tick(NOON + MINUTE).enqueued == 25


def test_a_schedule_that_celery_refuses_does_not_stop_the_others(enqueuer, enqueued):
    enqueued.error = ValueError("no such exchange")
    broken = make_schedule("broken", task="broken")
    make_schedule()

    assert enqueuer.tick(NOON + MINUTE) == Tick(enqueued=1, refused=1, schedules=2)
    broken.refresh_from_db()
    assert broken.next_run_at == NOON + 2 * MINUTE
    assert "no such exchange" in broken.problem
    [run] = selectors.list_last_runs(broken)
    assert (run.outcome, run.reason) == ("refused", broken.problem)
    assert selectors.list_schedules_with_problems() == [broken]


def test_a_problem_is_gone_when_the_next_due_time_is_enqueued(enqueuer, enqueued):
    enqueued.error = ValueError("no such exchange")
    schedule = make_schedule(task="broken")
    enqueuer.tick(NOON + MINUTE)
    enqueued.error = None
    enqueuer.tick(NOON + 2 * MINUTE)

    schedule.refresh_from_db()
    assert schedule.problem == ""


@pytest.mark.parametrize("error", [OperationalError("disk I/O error"), BrokerError("refused"), ConnectionError()])
def test_an_outage_leaves_everything_due(enqueuer, enqueued, error):
    enqueued.error = error
    make_schedule()
    make_schedule("broken", task="broken", next_run_at=NOON + MINUTE)

    with pytest.raises(type(error)):
        enqueuer.tick(NOON + MINUTE)

    assert Schedule.objects.due(NOON + MINUTE).count() == 2
    assert not ScheduleRun.objects.exists()


@pytest.mark.parametrize("fields", [{"timing": {"crontab": "broken"}}, {"time_zone": "Europe/Atlantis"}])
def test_a_schedule_that_can_not_be_read_halts_alone_and_says_why(enqueuer, enqueued, fields):
    halted = make_schedule("halted", **fields)
    make_schedule()

    assert enqueuer.tick(NOON + MINUTE) == Tick(enqueued=1, refused=1, schedules=2)
    halted.refresh_from_db()
    assert halted.next_run_at is None
    assert halted.problem
    assert enqueued == [("every minute", NOON + MINUTE)]


def test_the_task_id_follows_from_the_schedule_and_the_due_time_alone():
    first, second = make_schedule("first"), make_schedule("second")
    summer_noon = NOON.astimezone(selectors.timezone.get_fixed_timezone(120))

    assert first.task_id_at(NOON) == Schedule.objects.get(pk=first.pk).task_id_at(summer_noon)
    assert len({first.task_id_at(NOON), first.task_id_at(NOON + MINUTE), second.task_id_at(NOON)}) == 3


def test_looking_for_due_schedules_reads_the_index_of_what_is_due():
    with CaptureQueriesContext(connection) as queries:
        list(Schedule.objects.due(NOON))
        selectors.find_next_due_at()

    for query in queries:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
            plan = " ".join(row[3] for row in cursor.fetchall())
        assert "USING INDEX workstate_schedule_due" in plan or "USING COVERING INDEX workstate_schedule_due" in plan
        assert "TEMP B-TREE" not in plan


def test_a_tick_without_anything_due_asks_once_and_writes_nothing(enqueuer, django_assert_num_queries):
    make_schedule()

    with django_assert_num_queries(1):
        enqueuer.tick(NOON)
