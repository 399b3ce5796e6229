"""`workstate jobs`: what it shows, what it changes, and what it asks before."""

from __future__ import annotations

import json

import pytest
from django.utils import timezone

from workstate.cli import jobs
from workstate.core.jobs.history import Intervention
from workstate.core.jobs.models import Job
from workstate.core.jobs.states import State

NOW = timezone.now()


def make(task_id, state=State.DISCARDED, **fields):
    defaults = {
        "task": "shop.charge",
        "queue": "celery",
        "headers": "{}",
        "properties": json.dumps({"content_type": "application/json"}),
        "body": '[[7], {"urgent": true}, {}]',
        "enqueued_at": NOW,
        "available_at": NOW,
        "ended_at": NOW if state is State.DISCARDED else None,
        "error_type": "builtins.ValueError" if state is State.DISCARDED else None,
        "error_message": '["no"]' if state is State.DISCARDED else None,
        "fingerprint": "cause" if state is State.DISCARDED else None,
    }
    return Job.objects.create(task_id=task_id, state=state, **defaults | fields)


@pytest.fixture
def some(database):
    make("dead")
    make("other", task="shop.refund")
    make("waiting", State.AVAILABLE)


@pytest.fixture
def out(capsys):
    """Run the command; return its exit code and what it printed."""

    def run(*arguments):
        code = jobs.run(arguments)
        captured = capsys.readouterr()
        return code, captured.out + captured.err

    return run


def states():
    return dict(Job.objects.values_list("task_id", "state"))


def test_dead_letters_are_listed(some, out):
    code, text = out("list")
    assert code == 0
    assert "builtins.ValueError" in text
    assert "waiting" not in text


def test_pages_follow_one_another(some, out):
    _, text = out("list", "--limit", "1", "--json")
    page = json.loads(text)
    _, text = out("list", "--limit", "1", "--json", "--after", page["next"])
    assert {page["jobs"][0]["task_id"], json.loads(text)["jobs"][0]["task_id"]} == {"dead", "other"}


def test_causes_are_listed(some, out):
    _, text = out("list", "--groups")
    assert "cause     2" in text
    assert json.loads(out("list", "--groups", "--json")[1])["groups"][0]["count"] == 2


def test_one_job_is_shown_with_what_was_done_to_it(some, out):
    out("replay", "dead", "--by", "ada", "--reason", "mended", "--kwargs", '{"urgent": false}')
    _, text = out("show", "dead")
    assert 'arguments  [7] {"urgent": false}' in text
    assert "replay by ada" in text
    assert 'the arguments were [7] {"urgent": true}' in text
    assert json.loads(out("show", "dead", "--json")[1])["interventions"][0]["reason"] == "mended"


def test_unknown_job_is_said_in_one_line(some, out):
    code, text = out("show", "nobody")
    assert (code, text.count("\n")) == (2, 1)
    assert "nobody" in text


def test_named_job_is_replayed_without_a_question(some, out):
    assert out("replay", "dead") == (0, "1 replayed\n")
    assert states()["dead"] == "available"


def test_many_are_not_changed_where_nobody_can_be_asked(some, out):
    code, text = out("replay", "--all")
    assert code == 2
    assert "2 jobs are meant" in text
    assert states()["dead"] == "discarded"


def test_many_are_changed_when_that_is_confirmed(some, out, monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    answers = iter(["n", "y"])
    monkeypatch.setattr("builtins.input", lambda _: next(answers))
    assert out("replay", "--all") == (1, "")
    assert out("replay", "--all") == (0, "2 replayed\n")


def test_replays_are_spread(some, out):
    assert out("replay", "--all", "--yes", "--rate", "0.1")[0] == 0
    assert sorted(states().values()) == ["available", "available", "scheduled"]


def test_job_whose_unique_key_another_one_holds_is_held_back_and_says_so(some, out):
    Job.objects.filter(task_id="dead").update(unique_key="key", is_key_free=True)
    Job.objects.filter(task_id="waiting").update(unique_key="key")

    assert out("replay", "dead") == (1, "1 held back: another job has their unique key\n")
    assert out("replay", "--all", "--yes")[1] == "1 replayed, 1 held back: another job has their unique key\n"
    assert "unique key  key, held by waiting" in out("show", "dead")[1]
    code, text = out("replay", "dead", "--args", "[]")
    assert (code, text.count("\n")) == (2, 1)
    assert "Job dead waits for job waiting." in text


def test_dry_run_changes_nothing(some, out):
    assert out("discard", "--task", "shop.charge", "--reason", "x", "--dry-run") == (0, "Discard: 1 jobs are meant\n")
    assert states()["dead"] == "discarded"
    assert not Intervention.objects.exists()


def test_discarding_needs_a_reason(some, out):
    code, text = out("discard", "dead")
    assert code == 2
    assert "--reason" in text


def test_dead_letter_is_dismissed_and_waiting_job_discarded(some, out):
    assert out("discard", "dead", "waiting", "--reason", "tried in vain") == (0, "1 discarded, 1 dismissed\n")
    assert set(Job.objects.dead_letters().values_list("task_id", flat=True)) == {"other", "waiting"}


def test_waiting_job_is_cancelled(some, out):
    assert out("cancel", "waiting", "--reason", "not needed") == (0, "1 cancelled\n")
    assert out("cancel", "waiting")[0] == 1


@pytest.mark.parametrize("action", ["replay", "cancel"])
def test_command_that_says_nothing_of_which_jobs_is_refused(some, out, action):
    code, text = out(action)
    assert code == 2
    assert "--all" in text


def test_task_that_is_written_wrongly_is_guessed(some, out):
    assert "did you mean --task celery.chord?" in out("replay", "--task", "celery.chordd")[1]


@pytest.mark.parametrize("arguments", [["--args", "{}"], ["--kwargs", "[]"], ["--args", "no JSON"]])
def test_arguments_that_are_none_are_refused(some, out, arguments):
    assert out("replay", "dead", *arguments)[0] == 2
    assert states()["dead"] == "discarded"


def test_when_is_a_moment_or_so_long_ago(some, out):
    assert json.loads(out("list", "--since", "2h", "--json")[1])["jobs"]
    assert not json.loads(out("list", "--until", "2020-01-01T00:00", "--json")[1])["jobs"]
    with pytest.raises(SystemExit):
        jobs.run(["list", "--since", "yesterday"])


def test_moment_before_all_times_is_refused_in_one_line(some, capsys):
    with pytest.raises(SystemExit):
        jobs.run(["list", "--since", "99999999999d"])
    assert "99999999999d ago there were no jobs yet" in capsys.readouterr().err


def test_replays_that_would_never_be_due_are_refused_and_nothing_changes(some, out):
    code, text = out("replay", "--all", "--yes", "--rate", "1e-300")
    assert (code, text) == (2, "workstate: At 1e-300 a second the last of these jobs would never be due.\n")
    assert states() == {"dead": "discarded", "other": "discarded", "waiting": "available"}


def test_commands_work_for_a_user_whom_the_system_does_not_know(some, out, monkeypatch):
    def unknown():
        raise KeyError("getpwuid(): uid not found: 1000660000")

    monkeypatch.setattr("getpass.getuser", unknown)
    assert out("replay", "dead")[0] == 0
    assert Intervention.objects.get().by == ""
