"""A person at the time page, and a worker where one is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser

    from webbench.server import Person, Server


@pytest.fixture
def person(server: Server) -> Person:
    return server.new_person(time_zone="Europe/Berlin")


@pytest.fixture
def open_time(new_page: Callable[..., Page], sign_in, person: Person) -> Callable[..., Page]:
    """Open the time page in a browser of its own, or beside `context`, and wait until it is live."""

    def open_time(path: str = "/time/", *, signed_in_as: Person | None = None, **options) -> Page:
        page = new_page(**options)
        sign_in(page, signed_in_as or person)
        page.goto(path)
        if options.get("javascript", True):
            expect(page.locator("[data-live-status]")).to_have_attribute("data-live-status", "live")
        return page

    return open_time


@pytest.fixture
def unwatched_page(server: Server, browser: Browser) -> Iterator[Page]:
    """A page that may have complaints: a browser reports each socket that fails to open."""
    context = browser.new_context(base_url=server.url)
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def worker(server: Server) -> None:
    """A real worker on the server's data."""
    server.start_process(
        *("worker", "-m", "celery", "-A", "workstate", "worker", "--concurrency", "1"),
        *("-Q", "default,report_queue", "--loglevel", "INFO"),
    )
