"""Workers that are killed with -9 before, during and after a call: what left the house is counted there."""

from __future__ import annotations

import importlib
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from outside import Outside, outside_server
from workbench.marks import embedded_only
from workbench.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workbench.deployment import Deployment

pytestmark = [embedded_only, pytest.mark.timeout(300)]

RESCUE_SECONDS = 60  # 30 are promised; the machine may be busy


@pytest.fixture
def outside() -> Iterator[Outside]:
    with outside_server() as outside:
        yield outside


class Call:
    """One call that the deployment is to make to the server outside, and what became of it."""

    def __init__(self, deployment: Deployment, outside: Outside, purpose: str, task: str = "post") -> None:
        self.deployment = deployment
        self.outside = outside
        self.purpose = purpose
        self.key = uuid.uuid4().hex[:8]
        self.task = getattr(self._module("project.external"), task)

    def enqueue(self, *, die: str, victim: str) -> None:
        (self.deployment.directory / f"die {die} {self.key}").write_text(victim)
        self.task_id = self.task.delay(self.purpose, self.key, self.outside.url).id

    def wait_for_death(self) -> None:
        self.deployment.wait_for_effects(f"died {self.key}", 1, timeout=RESCUE_SECONDS)

    def wait_for_end(self) -> None:
        ended = {"completed", "discarded"}
        wait_until(lambda: self.deployment.celery.job(self.task_id)["state"] in ended, timeout=RESCUE_SECONDS)

    def wait_for_applied(self) -> None:
        wait_until(lambda: self.state == "applied", timeout=RESCUE_SECONDS)

    @property
    def state(self) -> str:
        return self._row().state

    @property
    def notes(self) -> list[str]:
        notes = self.deployment.celery.Note.objects.filter(text__startswith=self.key)
        return [text.removeprefix(f"{self.key}: ") for text in notes.values_list("text", flat=True)]

    def decide(self, as_: str) -> None:
        services = self._module("workstate.core.external.services")
        states = self._module("workstate.core.external.states")
        services.resolve_ambiguous(self._row(), as_=states.CallState(as_), by="ada", reason="their log has no trace")

    def _row(self) -> Any:
        return self._module("workstate.core.external.selectors").find_call(self.purpose, self.key)

    def _module(self, name: str) -> Any:
        return self.deployment.celery._link.ask(importlib.import_module, name)


@pytest.mark.parametrize(
    ("point", "purpose", "state", "posts", "notes"),
    [
        ("before send", "mail", "ambiguous", 0, []),
        ("before send", "webhook", "applied", 1, ["answer 1"]),
        ("before send", "payment", "ambiguous", 0, []),
        ("after send", "mail", "ambiguous", 1, []),
        ("after send", "webhook", "applied", 2, ["answer 2"]),
        ("after send", "payment", "ambiguous", 1, []),
        ("before apply", "payment", "applied", 1, ["answer 1"]),
        ("after apply", "mail", "applied", 1, ["answer 1"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_leaves_the_house_when_the_pool_process_is_killed(  # noqa: PLR0913, PLR0917  a table
    standing: Deployment, outside: Outside, point: str, purpose: str, state: str, posts: int, notes: list[str]
) -> None:
    call = Call(standing, outside, purpose)
    call.enqueue(die=point, victim="child")
    call.wait_for_death()
    call.wait_for_end()

    assert (call.state, outside.posts.total(), call.notes) == (state, posts, notes)


def test_a_call_that_somebody_decides_about_goes_on(standing: Deployment, outside: Outside) -> None:
    call = Call(standing, outside, "payment")
    call.enqueue(die="after send", victim="child")
    call.wait_for_death()
    call.wait_for_end()

    call.decide("planned")
    call.wait_for_applied()
    assert call.notes == ["answer 2"]


def test_the_next_worker_goes_on_where_a_killed_one_was(deployment: Deployment, outside: Outside) -> None:
    lost = Call(deployment, outside, "webhook")
    asked = Call(deployment, outside, "payment")
    answered = Call(deployment, outside, "mail")
    once = Call(deployment, outside, "payment", task="post_once")  # its job does not come back: the sweep finds it
    points = {lost: "after send", asked: "before send", answered: "before apply", once: "before apply"}
    for call, point in points.items():
        call.enqueue(die=point, victim="all")
        worker = deployment.launch_worker(concurrency=1)
        call.wait_for_death()
        wait_until(lambda worker=worker: worker.returncode is not None, timeout=RESCUE_SECONDS)
    deployment.launch_worker(concurrency=1)
    for call in points:
        call.wait_for_end()
    once.wait_for_applied()

    assert (lost.state, lost.notes) == ("applied", ["answer 2"])
    assert (asked.state, asked.notes) == ("ambiguous", [])
    assert (answered.state, answered.notes) == ("applied", ["answer 1"])
    assert (once.state, once.notes) == ("applied", ["answer 1"])
    assert outside.posts.total() == 2 + 0 + 1 + 1
