from __future__ import annotations

from types import SimpleNamespace

import pytest

from workstate.core.live import authorisation
from workstate.core.live.authorisation import authorise, may_follow

person = SimpleNamespace(pk=7)


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch):
    monkeypatch.setattr(authorisation, "_authorisers", dict(authorisation._authorisers))


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
