"""Canvas: tasks that are composed."""

from __future__ import annotations

import pytest
from celery.exceptions import ChordError

from workbench.deployment import SOON, Deployment
from workbench.waiting import wait_until


def test_chain_hands_each_result_on(any_pool: Deployment) -> None:
    celery, add = any_pool.celery, any_pool.celery.tasks.add
    result = celery.chain(add.s(1, 2), add.s(3), add.s(4))()
    assert result.get(**SOON) == 10
    assert result.parent.get(**SOON) == 6


def test_chain_stops_at_an_error(standing: Deployment) -> None:
    celery, tasks = standing.celery, standing.celery.tasks
    result = celery.chain(tasks.fail.si("second link"), tasks.tell.si("third link"))()
    with pytest.raises(ValueError, match="second link"):
        result.parent.get(**SOON)
    assert not standing.effects("third link")


def test_pipe_makes_a_chain(standing: Deployment) -> None:
    add = standing.celery.tasks.add
    assert (add.s(1, 2) | add.s(3)).delay().get(**SOON) == 6


def test_group_collects_results_in_order(any_pool: Deployment) -> None:
    celery, tasks = any_pool.celery, any_pool.celery.tasks
    result = celery.group([tasks.add.s(number, number) for number in range(10)])()
    assert result.get(**SOON) == [number * 2 for number in range(10)]
    assert (result.completed_count(), result.successful()) == (10, True)


def test_saved_group_is_restored(standing: Deployment) -> None:
    celery, tasks = standing.celery, standing.celery.tasks
    result = celery.group([tasks.add.s(1, 1), tasks.add.s(2, 2)])()
    result.save()
    assert celery.GroupResult.restore(result.id).get(**SOON) == [2, 4]


def test_group_with_a_failure_raises_it(standing: Deployment) -> None:
    celery, tasks = standing.celery, standing.celery.tasks
    result = celery.group([tasks.add.s(1, 1), tasks.fail.s("in a group")])()
    with pytest.raises(ValueError, match="in a group"):
        result.get(**SOON)
    wait_until(lambda: result.completed_count() == 1)
    assert result.failed()


def test_chord_runs_its_body_with_all_results(any_pool: Deployment) -> None:
    celery, tasks = any_pool.celery, any_pool.celery.tasks
    result = celery.chord([tasks.add.s(number, 1) for number in range(10)])(tasks.total.s())
    assert result.get(**SOON) == 55


def test_chord_of_two_hundred_runs_its_body_once(standing: Deployment) -> None:
    celery, tasks = standing.celery, standing.celery.tasks
    body = celery.chain(tasks.total.s(), tasks.tell_value.s("chord of 200"))
    celery.chord([tasks.echo.s(number) for number in range(200)])(body).get(**SOON)
    (effect,) = standing.effects("chord of 200")
    assert effect["value"] == sum(range(200))


def test_results_reach_the_chord_body_in_the_order_of_the_header(standing: Deployment) -> None:
    celery, tasks = standing.celery, standing.celery.tasks
    header = [tasks.echo.s(number).set(countdown=0.2 if number == 0 else 0) for number in range(4)]
    assert celery.chord(header)(tasks.echo.s()).get(**SOON) == [0, 1, 2, 3]


def test_error_in_a_chord_header_fails_the_body(standing: Deployment) -> None:
    celery, tasks = standing.celery, standing.celery.tasks
    result = celery.chord([tasks.add.s(1, 1), tasks.fail.s("in a header")])(tasks.total.s())
    with pytest.raises(ChordError, match="in a header"):
        celery.AsyncResult(result.id).get(**SOON)


def test_error_in_a_chord_header_calls_the_errback_of_the_body(standing: Deployment) -> None:
    celery, tasks = standing.celery, standing.celery.tasks
    body = tasks.total.s().on_error(tasks.tell_error.s("chord"))
    celery.chord([tasks.add.s(1, 1), tasks.fail.s("header with errback")])(body)
    (effect,) = standing.wait_for_effects("errback of chord")
    assert "header with errback" in effect["error"]


def test_chord_in_a_chain_goes_on_with_the_result_of_its_body(standing: Deployment) -> None:
    celery, tasks = standing.celery, standing.celery.tasks
    header = celery.group([tasks.add.s(1, 1), tasks.add.s(2, 2)])
    result = celery.chain(header, tasks.total.s(), tasks.add.s(100)).delay()
    assert result.get(**SOON) == 106


def test_chord_in_the_header_of_a_chord(standing: Deployment) -> None:
    celery, tasks = standing.celery, standing.celery.tasks
    inner = celery.chord([tasks.add.s(1, 1), tasks.add.s(2, 2)], tasks.total.s())
    result = celery.chord([inner, tasks.add.s(10, 10)])(tasks.total.s())
    assert result.get(**SOON) == 26


def test_chain_in_the_header_of_a_chord(standing: Deployment) -> None:
    celery, tasks = standing.celery, standing.celery.tasks
    branch = celery.chain(tasks.add.s(1, 1), tasks.add.s(1))
    assert celery.chord([branch, tasks.echo.s(10)])(tasks.total.s()).get(**SOON) == 13


def test_chord_without_header_runs_its_body(standing: Deployment) -> None:
    celery, tasks = standing.celery, standing.celery.tasks
    assert celery.chord([])(tasks.total.s()).get(**SOON) == 0


def test_chunks_split_the_work(standing: Deployment) -> None:
    chunks = standing.celery.tasks.add.chunks([(number, number) for number in range(10)], 4)
    assert chunks.delay().get(**SOON) == [[0, 2, 4, 6], [8, 10, 12, 14], [16, 18]]


def test_map_and_starmap_run_in_one_task(standing: Deployment) -> None:
    tasks = standing.celery.tasks
    assert tasks.total.map([[1, 2], [3, 4]]).delay().get(**SOON) == [3, 7]
    assert tasks.add.starmap([[1, 2], [3, 4]]).delay().get(**SOON) == [3, 7]


def test_link_is_called_with_the_result(standing: Deployment) -> None:
    tasks = standing.celery.tasks
    tasks.add.apply_async((2, 3), link=tasks.tell_value.s("link"))
    (effect,) = standing.wait_for_effects("link")
    assert effect["value"] == 5


def test_link_error_is_called_with_the_error(any_pool: Deployment) -> None:
    tasks = any_pool.celery.tasks
    result = tasks.fail.apply_async(("linked error",), link_error=tasks.tell_error.s("link"))
    (effect,) = any_pool.wait_for_effects("errback of link")
    assert (effect["id"], effect["error"]) == (result.id, "linked error")


def test_task_may_replace_itself(standing: Deployment) -> None:
    assert standing.celery.tasks.replace_with_sum.delay(2, 3).get(**SOON) == 5


def test_tasks_know_the_task_that_enqueued_them(standing: Deployment) -> None:
    parent = standing.celery.tasks.enqueue_and_return_id.delay(2, 3)
    child_id = parent.get(**SOON)
    assert [child.id for child in parent.children] == [child_id]
    assert standing.celery.AsyncResult(child_id).get(**SOON) == 5


def test_group_can_be_revoked(deployment: Deployment) -> None:
    celery, tasks = deployment.celery, deployment.celery.tasks
    deployment.start_worker(concurrency=1)
    celery.tasks.hold.delay("busy")
    deployment.wait_for_effects("busy")
    result = celery.group([tasks.tell.s("revoked in a group").set(ignore_result=False) for _ in range(2)])()
    result.revoke()
    wait_until(lambda: revoked_ids(deployment) >= {child.id for child in result.results})
    deployment.open_gate("busy")
    wait_until(lambda: {child.state for child in result.results} == {"REVOKED"})
    assert not deployment.effects("revoked in a group")


def revoked_ids(deployment: Deployment) -> set[str]:
    node = deployment.worker.node
    replies = deployment.celery.app.control.inspect([node]).revoked()
    return set((replies or {}).get(node, []))
