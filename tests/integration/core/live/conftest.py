from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from live_clients import make_person, open_session
from workstate.core import live
from workstate.core.live import authorisation
from workstate.core.live.hub import Hub, open_hub, stop_hub

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from django.contrib.auth.models import AbstractBaseUser

    from real_databases import RealDatabase


@pytest.fixture
async def hub(database: RealDatabase) -> AsyncIterator[Hub]:
    """The hub of this test's loop."""
    yield open_hub()
    await stop_hub()


@pytest.fixture
def person(database: RealDatabase) -> AbstractBaseUser:
    """Somebody."""
    return make_person()


@pytest.fixture
def session_key(person: AbstractBaseUser) -> str:
    """A session of theirs."""
    return open_session(person)


@pytest.fixture
def jobs_may_be_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let everybody follow every job but `job:secret`, for this test."""
    monkeypatch.setattr(authorisation, "_authorisers", dict(authorisation._authorisers))
    live.authorise("job", lambda _user, stream_id: stream_id != "secret")
