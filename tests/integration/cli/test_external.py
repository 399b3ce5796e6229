"""`workstate external`, and where else an operator hears of ambiguous calls."""

from __future__ import annotations

import json

import pytest
from django.utils import timezone

from real_databases import BOTH_DATABASES
from workstate.cli import external, status
from workstate.core.external.models import ExternalCall
from workstate.core.external.states import CallState, OnAmbiguous
from workstate.core.health.checks.external import external_calls
from workstate.core.health.findings import Level
from workstate.core.health.registry import Context
from workstate.core.jobs.models import Job
from workstate.core.telemetry import subscribe, unsubscribe
from workstate.core.telemetry.catalogue import ExternalCallResolved
from workstate.core.telemetry.collector import Collector

pytestmark = [BOTH_DATABASES, pytest.mark.usefixtures("database")]


def make(key, state=CallState.AMBIGUOUS, **fields):
    defaults = {
        "purpose": "shop.payment",
        "on_ambiguous": OnAmbiguous.ASK,
        "request": {"amount": 7},
        "sends": 1,
        "planned_at": timezone.now(),
        "sent_at": timezone.now(),
        "error_message": "its process died",
    }
    return ExternalCall.objects.create(key=key, state=state, **defaults | fields)


@pytest.fixture
def out(capsys):
    """Run the command; return its exit code and what it printed."""

    def run(*arguments):
        code = external.run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return run


@pytest.fixture
def emitted():
    events = []
    subscribe(events.append, ExternalCallResolved)
    yield events
    unsubscribe(events.append)


def told_by_metrics():
    for metric in Collector().collect():
        if metric.name == "workstate_external_calls_ambiguous":
            return metric.samples[0].value
    raise AssertionError


def test_calls_that_wait_for_a_hand_are_listed_and_shown(out):
    call = make("order 7")
    make("order 8", CallState.APPLIED, ended_at=timezone.now())
    make("once", on_ambiguous=OnAmbiguous.NEVER_REPEAT, ended_at=timezone.now())

    assert [described["key"] for described in json.loads(out("list", "--json")[1])] == ["order 7"]
    assert "order 7" in out("list", "--purpose", "shop.payment")[1]
    assert out("list", "--purpose", "other") == (0, "no call waits for a hand\n")
    assert "order 8" in out("list", "--state", "applied")[1]
    text = out("show", call.pk)[1]
    assert 'request: {"amount": 7}' in text
    assert "error message: its process died" in text
    assert json.loads(out("show", call.pk, "--json")[1])["request"] == {"amount": 7}


@pytest.mark.parametrize(
    ("decision", "state", "jobs"),
    [
        (("--as", "applied"), "applied", 0),
        (("--as", "failed"), "failed", 0),
        (("--as", "planned"), "planned", 1),
        (("--as", "answered", "--answer", "paid: ü"), "answered", 1),
    ],
)
def test_an_operator_says_what_became_of_a_call_and_that_is_kept(out, emitted, decision, state, jobs):
    call = make("order 7")

    expected = f"External call shop.payment 'order 7' is {state}\n"
    assert out("resolve", call.pk, *decision, "--by", "ada", "--reason", "I asked them") == (0, expected)
    call.refresh_from_db()
    assert (call.state, call.resolved_by, call.resolved_reason) == (state, "ada", "I asked them")
    assert call.text == ("paid: ü" if state == "answered" else "")
    assert Job.objects.count() == jobs
    [event] = emitted
    assert (event.key, event.state, event.by) == ("order 7", state, "ada")


def test_what_can_not_be_resolved_is_said_in_one_line(out):
    ended = make("order 8", CallState.APPLIED, ended_at=timezone.now())
    waits = make("order 7")

    for call_id, decision, why in (
        (ended.pk, ("--as", "failed"), "It is applied."),
        (waits.pk, ("--as", "answered"), "without an answer"),
        (0, ("--as", "failed"), "The id is 0."),
    ):
        code, text = out("resolve", call_id, *decision, "--reason", "?")
        assert (code, text.count("\n")) == (2, 1)
        assert why in text
    waits.refresh_from_db()
    assert waits.state == "ambiguous"


def test_status_metrics_and_doctor_count_those_that_wait(capsys):
    assert told_by_metrics() == 0
    [finding] = external_calls(Context())
    assert finding.level is Level.OK
    make("order 7")
    make("once", on_ambiguous=OnAmbiguous.NEVER_REPEAT, ended_at=timezone.now())

    assert told_by_metrics() == 1
    [finding] = external_calls(Context())
    assert (finding.level, finding.command) == (Level.WARNING, "workstate external list")
    assert status.run([]) == 0
    assert "  1 ambiguous: `workstate external list`\n" in capsys.readouterr().out
    assert status.run(["--json"]) == 0
    assert json.loads(capsys.readouterr().out)["external_calls"] == {"ambiguous": 1}
