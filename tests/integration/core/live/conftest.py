from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from live_clients import make_person, open_session
from workstate.core.live import authorisation
from workstate.core.live.hub import Hub, open_hub, stop_hub

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

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
def let_follow_jobs(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[str], bool]], None]:
    """Let everybody follow the jobs that a function of the task id says, for this test."""
    monkeypatch.setattr(authorisation, "_authorisers", dict(authorisation._authorisers))

    def let_follow(may_be_followed: Callable[[str], bool]) -> None:
        authorisation._authorisers["job"] = [lambda _user, task_id: may_be_followed(task_id)]

    return let_follow


@pytest.fixture
def jobs_may_be_followed(let_follow_jobs: Callable[[Callable[[str], bool]], None]) -> None:
    """Let everybody follow every job but `job:secret`, for this test."""
    let_follow_jobs(lambda task_id: task_id != "secret")
