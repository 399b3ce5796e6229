"""The counter of a chord: each header job counts once, and the body is due once."""

from __future__ import annotations

import threading

import pytest

from engine.jobs import FAILURE, closing, header_job, new_process
from real_databases import BOTH_DATABASES
from workstate.core.jobs.ledger import ledger_on
from workstate.core.jobs.models import Chord, Job
from workstate.core.jobs.records import FinishedChord
from workstate.core.jobs.states import State

pytestmark = BOTH_DATABASES


@pytest.fixture
def process(ledger):
    return ledger.register(new_process())


@pytest.fixture
def header(ledger, process):
    """Three claimed header jobs of the chord `sum`."""
    ledger.insert([header_job(str(number), "sum") for number in range(3)])
    return ledger.claim(process, ("celery",), 3)


def close(ledger, process, *jobs, **fields):
    return ledger.close([closing(job, process, chord_id="sum", **fields) for job in jobs])


def test_body_is_due_with_the_last_header_job(ledger, process, header):
    ledger.size_chord("sum", 3)

    assert close(ledger, process, *header[:2]) == []
    assert close(ledger, process, header[2]) == [FinishedChord("sum")]


def test_whole_header_in_one_batch_makes_the_body_due_once(ledger, process, header):
    ledger.size_chord("sum", 3)

    assert close(ledger, process, *header) == [FinishedChord("sum")]
    assert Chord.objects.get().completed == 3


def test_header_job_counts_once_however_often_it_is_closed(ledger, process, header):
    ledger.size_chord("sum", 3)
    for _ in range(3):
        assert close(ledger, process, header[0]) == []

    assert Chord.objects.get().completed == 1


def test_failures_count_like_successes(ledger, process, header):
    ledger.size_chord("sum", 3)
    close(ledger, process, *header[:2])

    assert close(ledger, process, header[2], state=State.DISCARDED, failure=FAILURE) == [FinishedChord("sum")]


def test_retry_of_a_header_job_does_not_count(ledger, process, header):
    ledger.size_chord("sum", 3)
    close(ledger, process, header[0], state=State.RETRYABLE, successor=header_job("0", "sum"))

    assert not Chord.objects.filter(completed__gt=0).exists()


def test_size_may_become_known_after_the_header_has_ended(ledger, process, header):
    assert close(ledger, process, *header) == []

    assert ledger.size_chord("sum", 3)
    assert not ledger.size_chord("sum", 3)


def test_size_may_grow_while_the_header_runs(ledger, process, header):
    ledger.size_chord("sum", 2)
    close(ledger, process, header[0])
    ledger.grow_chord("sum")

    assert close(ledger, process, header[1]) == []
    assert close(ledger, process, header[2]) == [FinishedChord("sum")]


def test_fired_chord_does_not_fire_again(ledger, process, header):
    ledger.size_chord("sum", 2)
    assert close(ledger, process, *header[:2]) == [FinishedChord("sum")]

    assert close(ledger, process, header[2]) == []


def test_count_is_undone_with_its_transaction(ledger, process, header, connect):
    ledger.size_chord("sum", 3)
    other = ledger_on(connect())
    with pytest.raises(ZeroDivisionError), other.transaction():
        close(other, process, *header) and 1 / 0

    assert (Chord.objects.get().completed, Chord.objects.get().fired_at) == (0, None)
    assert set(Job.objects.values_list("state", flat=True)) == {"executing"}
    assert close(ledger, process, *header) == [FinishedChord("sum")]


def test_two_closers_at_once_make_the_body_due_once(ledger, process, connect):
    ledger.insert([header_job(str(number), "sum") for number in range(40)])
    jobs = ledger.claim(process, ("celery",), 40)
    ledger.size_chord("sum", 40)
    gate = threading.Barrier(2)
    fired, errors = [], []

    def close_half(connection, half):
        connection.inc_thread_sharing()
        mine = ledger_on(connection)
        gate.wait()
        try:
            for job in half:
                with mine.transaction():
                    fired.extend(close(mine, process, job))
        except BaseException as error:  # noqa: BLE001  for the main thread
            errors.append(error)

    threads = [threading.Thread(target=close_half, args=(connect(), half)) for half in (jobs[::2], jobs[1::2])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert fired == [FinishedChord("sum")]


def test_saved_group_stands_beside_the_counter_of_its_id(ledger):
    ledger.save_group("sum", '{"result": 1}')
    ledger.size_chord("sum", 3)
    ledger.save_group("sum", '{"result": 2}')

    row = Chord.objects.get()
    assert (row.size, row.completed, row.members) == (3, 0, '{"result": 2}')
