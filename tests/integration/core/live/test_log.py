"""The event log: writing, reading back, pruning."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from real_databases import BOTH_DATABASES
from workstate.core.live import list_followed, position, publish, read_since
from workstate.core.live.models import Event, Stream
from workstate.core.live.pruning import prune_events
from workstate.core.live.reading import read_many

pytestmark = BOTH_DATABASES


def offsets(reading):
    return [event.offset for event in reading.events]


def publish_many(stream: str, count: int) -> None:
    for number in range(count):
        publish(stream, "thing.happened", {"number": number})


def age_events(**filters) -> None:
    Event.objects.filter(**filters).update(created_at=timezone.now() - timedelta(days=2))


def test_events_are_numbered_from_one_without_gaps(database):
    publish_many("user:1", 3)
    publish_many("user:2", 2)
    assert list(Event.objects.filter(stream="user:1").order_by("id").values_list("offset", flat=True)) == [1, 2, 3]
    assert list(Event.objects.filter(stream="user:2").order_by("id").values_list("offset", flat=True)) == [1, 2]


def test_rolled_back_event_leaves_neither_row_nor_gap(database):
    publish("user:1", "thing.happened", {})
    with transaction.atomic():
        publish("user:1", "thing.undone", {})
        transaction.set_rollback(True)
    publish("user:1", "thing.happened", {})
    assert list(Event.objects.order_by("id").values_list("type", "offset")) == [
        ("thing.happened", 1),
        ("thing.happened", 2),
    ]


def test_event_that_cannot_be_written_leaves_its_transaction_unable_to_commit(database):
    with transaction.atomic():
        with pytest.raises(TypeError):
            publish("user:1", "thing.happened", {"not json": object()})
        assert transaction.get_rollback()
    assert not Stream.objects.exists()


def test_event_that_exists_already_takes_its_transaction_with_it(database):
    event = publish("user:1", "thing.happened", {})
    Stream.objects.update(offset=0)
    with pytest.raises(IntegrityError):
        publish("user:1", "thing.happened", {})
    assert Event.objects.get() == event


def test_publishing_in_a_transaction_is_two_statements(database):
    publish("user:1", "thing.happened", {})
    with transaction.atomic(), CaptureQueriesContext(connection) as queries:
        publish("user:1", "thing.happened", {})
    assert len(queries) == 2


def test_reader_gets_what_happened_since_their_position(database):
    publish_many("user:1", 2)
    place = position("user:1")
    publish_many("user:1", 3)
    reading = read_since("user:1", place)
    assert reading.recovered
    assert offsets(reading) == [3, 4, 5]
    assert [event.data["number"] for event in reading.events] == [0, 1, 2]
    assert str(reading.position) == position("user:1")


def test_reader_at_the_end_gets_nothing_and_is_recovered(database):
    publish_many("user:1", 2)
    reading = read_since("user:1", position("user:1"))
    assert reading.recovered
    assert not reading.events


def test_reader_without_position_begins_at_the_end(database):
    publish_many("user:1", 2)
    reading = read_since("user:1", None)
    assert reading.recovered
    assert not reading.events
    assert reading.position.offset == 2


def test_position_of_a_new_stream_sees_its_first_event(database):
    place = position("job:a")
    assert place.endswith(":0")
    publish("job:a", "job.completed", {})
    assert offsets(read_since("job:a", place)) == [1]


@pytest.mark.parametrize("place", ["", "nonsense", "other:1", "other:0", "{epoch}:99", "{epoch}:-1"])
def test_position_that_the_stream_never_had_is_not_recovered(database, place):
    publish_many("user:1", 2)
    epoch = Stream.objects.get().epoch
    reading = read_since("user:1", place.format(epoch=epoch))
    assert not reading.recovered
    assert not reading.events
    assert str(reading.position) == f"{epoch}:2"


def test_reader_who_missed_more_than_the_limit_is_not_recovered(database):
    place = position("user:1")
    publish_many("user:1", 5)
    assert offsets(read_since("user:1", place, limit=5)) == [1, 2, 3, 4, 5]
    reading = read_since("user:1", place, limit=4)
    assert not reading.recovered
    assert not reading.events


def test_many_streams_are_read_in_a_few_queries(database):
    names = [f"user:{number}" for number in range(120)]
    places = read_many(dict.fromkeys(names))
    for name in names:
        publish(name, "thing.happened", {})
    with CaptureQueriesContext(connection) as queries:
        readings = read_many({name: places[name].position for name in names})
    assert len(queries) <= 4
    assert all(reading.recovered and len(reading.events) == 1 for reading in readings.values())


def test_reading_events_uses_the_index(database):
    publish("user:1", "thing.happened", {})
    with CaptureQueriesContext(connection) as queries:
        read_since("user:1", f"{Stream.objects.get().epoch}:0")
    (statement,) = [query["sql"] for query in queries if '"workstate_event"' in query["sql"]]
    with connection.cursor() as cursor:
        if database.vendor == "postgresql":
            cursor.execute("SET enable_seqscan = off")
            cursor.execute("EXPLAIN " + statement)
        else:
            cursor.execute("EXPLAIN QUERY PLAN " + statement)
        plan = str(cursor.fetchall())
    assert "workstate_event_position" in plan or "sqlite_autoindex_workstate_event" in plan, plan


def test_stream_is_followed_once_somebody_asked_for_its_position(database):
    position("job:a")
    assert list_followed(["job:a", "job:b"]) == {"job:a"}


def test_pruned_history_is_not_recovered_and_the_rest_still_is(database):
    place = position("user:1")
    publish_many("user:1", 4)
    age_events(offset__lte=2)
    epoch = Stream.objects.get().epoch
    assert prune_events() == 2
    assert not read_since("user:1", place).recovered
    assert not read_since("user:1", f"{epoch}:1").recovered
    assert offsets(read_since("user:1", f"{epoch}:2")) == [3, 4]
    assert read_since("user:1", f"{epoch}:4").recovered


def test_stream_that_fell_silent_is_pruned_and_begins_anew_in_another_epoch(database):
    publish_many("user:1", 2)
    place = position("user:1")
    age_events()
    prune_events()
    assert not Stream.objects.exists()
    assert not read_since("user:1", place).recovered
    publish("user:1", "thing.happened", {})
    assert not read_since("user:1", place).recovered


def test_stream_that_waits_for_its_first_event_is_kept(database):
    place = position("job:a")
    publish("user:1", "thing.happened", {})
    age_events()
    prune_events()
    publish("job:a", "job.completed", {})
    assert offsets(read_since("job:a", place)) == [1]


def test_pruning_goes_through_all_batches(database, monkeypatch):
    monkeypatch.setattr("workstate.core.live.pruning.BATCH_SIZE", 3)
    publish_many("user:1", 7)
    age_events()
    publish_many("user:1", 1)
    assert prune_events() == 7
    assert Event.objects.get().offset == 8
