"""`workstate queues`: pause, resume, list."""

from __future__ import annotations

import pytest
from django.db import connections

from workstate.cli import queues
from workstate.core.jobs.pauses import list_paused_queues


def test_queue_is_paused_listed_and_resumed(database, capsys) -> None:
    assert queues.run(["pause", "mail", "--by", "ada", "--reason", "the provider is down"]) == 0
    assert capsys.readouterr().out == "mail is paused by ada, 0 s ago: the provider is down\n"
    assert queues.run(["list"]) == 0
    assert capsys.readouterr().out.startswith("mail is paused by ada")
    assert queues.run(["resume", "mail", "--by", "grace"]) == 0
    assert capsys.readouterr().out == "mail is resumed\n"
    assert list_paused_queues() == []


def test_nothing_to_list_and_nothing_to_resume_are_said_in_words(database, capsys) -> None:
    assert queues.run(["list"]) == 0
    assert queues.run(["resume", "mail"]) == 0
    assert capsys.readouterr().out == "no queue is paused\nmail was not paused\n"


def test_who_does_it_is_the_user_of_the_terminal(database, monkeypatch) -> None:
    monkeypatch.setenv("LOGNAME", "grace")
    assert queues.run(["pause", "mail"]) == 0
    (pause,) = list_paused_queues()
    assert pause.paused_by == "grace"


def test_database_that_is_away_is_said_in_one_line(database, capsys, monkeypatch) -> None:
    monkeypatch.setitem(connections["default"].settings_dict, "NAME", "/nowhere/database.sqlite3")
    connections["default"].close()
    assert queues.run(["list"]) == 2
    assert "workstate: the database cannot be used:" in capsys.readouterr().err


def test_action_has_to_be_named(capsys) -> None:
    with pytest.raises(SystemExit):
        queues.run([])
    assert "ACTION" in capsys.readouterr().err
