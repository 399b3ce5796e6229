from __future__ import annotations

from copy import deepcopy
from types import SimpleNamespace

import pytest

from workstate.core.live import authorisation
from workstate.core.live.authorisation import authorise, may_follow

person = SimpleNamespace(pk=7)


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch):
    monkeypatch.setattr(authorisation, "_authorisers", deepcopy(authorisation._authorisers))


def test_person_may_follow_their_own_stream_alone():
    assert may_follow(person, "user:7")
    assert not may_follow(person, "user:8")
    assert not may_follow(person, "user:07")
    assert not may_follow(person, "user:")


def test_stream_of_a_kind_that_no_app_answers_for_is_nobodys():
    assert not may_follow(person, "secret:7")
    assert not may_follow(person, "")


def test_app_answers_for_its_kind():
    asked = []
    authorise("thing", lambda user, stream_id: bool(asked.append((user, stream_id))) or stream_id == "a:b")
    assert may_follow(person, "thing:a:b")
    assert not may_follow(person, "thing")
    assert asked == [(person, "a:b"), (person, "")]


def test_where_several_answer_for_a_kind_one_yes_is_enough():
    for allowed in ("1", "2"):
        authorise("thing", lambda _user, stream_id, allowed=allowed: stream_id == allowed)
    assert may_follow(person, "thing:1")
    assert may_follow(person, "thing:2")
    assert not may_follow(person, "thing:3")


def test_function_that_is_named_twice_is_asked_once():
    asked = []

    def refuse(_user, stream_id):
        asked.append(stream_id)
        return False

    authorise("thing", refuse)
    authorise("thing", refuse)
    assert not may_follow(person, "thing:1")
    assert asked == ["1"]


def test_operators_alone_may_follow_operations():
    assert may_follow(SimpleNamespace(pk=1, is_superuser=True), "operations")
    assert not may_follow(SimpleNamespace(pk=1, is_superuser=False), "operations")
    assert not may_follow(person, "operations")
