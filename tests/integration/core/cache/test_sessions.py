"""Sessions are in the database; what the cache keeps of them is never more than the row says."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.core.cache import caches
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from caches import ALL_TIERS, as_default
from workstate.core.cache.sessions import SessionStore

pytestmark = ALL_TIERS


@pytest.fixture(autouse=True)
def default(lasting_database, redis_url, settings):
    """The cache that sessions are read through."""
    with as_default(settings, redis_url) as cache:
        yield cache


@pytest.fixture
def key():
    """A session in which something is noted."""
    session = SessionStore()
    session["organisation"] = 7
    session.save()
    return session.session_key


def content_of(key):
    return dict(SessionStore(key).items())


def test_session_holds_what_was_saved_last(key):
    assert content_of(key) == content_of(key) == {"organisation": 7}
    session = SessionStore(key)
    session["organisation"] = 8
    session.save()
    assert content_of(key) == {"organisation": 8}


def test_session_that_was_ended_is_over_at_once(key):
    content_of(key)
    SessionStore(key).delete()
    session = SessionStore(key)
    assert list(session.items()) == []
    assert session.session_key is None


def test_flushed_session_goes_on_under_no_key(key):
    session = SessionStore(key)
    session.flush()
    assert content_of(key) == {}
    assert not Session.objects.filter(session_key=key).exists()


def test_new_key_ends_the_former_one(key):
    content_of(key)
    session = SessionStore(key)
    session.cycle_key()
    assert content_of(key) == {}
    assert content_of(session.session_key) == {"organisation": 7}


def test_change_that_is_rolled_back_did_not_happen(key):
    content_of(key)
    with transaction.atomic():
        session = SessionStore(key)
        session["organisation"] = 8
        session.save()
        transaction.set_rollback(True)
    assert content_of(key) == {"organisation": 7}


def test_session_that_has_expired_is_over_although_it_is_kept(key):
    content_of(key)
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    caches["default"].clear()
    assert content_of(key) == {}


def test_key_that_somebody_made_up_is_no_session():
    session = SessionStore("x" * 32)
    assert list(session.items()) == []
    assert session.session_key is None


def test_flush_of_the_cache_signs_nobody_out(key):
    content_of(key)
    caches["default"].clear()
    assert content_of(key) == {"organisation": 7}


def test_row_is_read_once_a_minute_while_redis_is_there(key):
    content_of(key)
    with CaptureQueriesContext(connection) as queries:
        content_of(key)
    reads = [query for query in queries if "django_session" in query["sql"]]
    assert len(reads) == (0 if caches["default"].is_in_redis else 1)


async def test_coroutines_find_the_same_session(lasting_database):
    session = SessionStore()
    await session.aset("organisation", 7)
    await session.asave()
    found = SessionStore(session.session_key)
    assert await found.aget("organisation") == 7
    await found.aflush()
    assert await SessionStore(session.session_key).aget("organisation") is None
