"""A real server and a real browser for tests of pages.

`server`        a uvicorn on a temporary SQLite data directory, one for the session.
                `server.new_person(role=…, colleague_of=…)` makes a person in an organisation of their own,
                `server.start_process("worker", "-m", "celery", "-A", "workstate", "worker")` starts what else
                a test needs on the same data, `server.manage(…)` runs a management command.
`new_page`      makes pages: `new_page(width=390, scheme="dark", javascript=False)`, each in a context of its own
                (as another browser would be); `context=page.context` opens a tab beside another page;
                `expected=["htmx:"]` names what its console may say in this test.
                At the end the test fails when a page had an error in its console or a missing file.
`browser_page`  one page, 1280 pixels wide, light.
`sign_in`       `sign_in(page, person)`: gives the page the person's session without passing the form.

    def test_team_lists_me(server, browser_page, sign_in):
        person = server.new_person()
        sign_in(browser_page, person)
        browser_page.goto("/team/")
        assert browser_page.get_by_role("rowheader", name=person.name).is_visible()
        assert_good_everywhere(browser_page)  # from webbench.pages: axe, both themes, no sideways scrolling
"""

from __future__ import annotations

import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect, sync_playwright

from webbench.pages import SESSION_COOKIE, Watch
from webbench.server import Person, Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PAGE_TIMEOUT_MILLISECONDS = 10_000
EXPECT_TIMEOUT_MILLISECONDS = 20_000  # a machine that runs other tests beside is slow at times

expect.set_options(timeout=EXPECT_TIMEOUT_MILLISECONDS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here):
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # For each module anew: while Playwright is open it occupies the thread's event loop, which other tests need.
    with sync_playwright() as playwright:
        executable = str(CHROMIUM) if CHROMIUM.exists() else None
        try:
            browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGUMENTS)
        except Error as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"Chromium is missing (`playwright install chromium`): {error.message.splitlines()[0]}")
        yield browser
        browser.close()


@pytest.fixture
def new_page(server: Server, browser: Browser) -> Iterator[Callable[..., Page]]:
    watches: list[Watch] = []

    with ExitStack() as contexts:

        def make(
            *,
            width: int = 1280,
            scheme: str = "light",
            javascript: bool = True,
            context: BrowserContext | None = None,
            expected: Sequence[str] = (),
        ) -> Page:
            if context is None:
                context = browser.new_context(
                    base_url=server.url,
                    viewport={"width": width, "height": 844},
                    color_scheme=scheme,
                    java_script_enabled=javascript,
                )
                context.set_default_timeout(PAGE_TIMEOUT_MILLISECONDS)
                contexts.callback(context.close)
            page = context.new_page()
            watches.append(Watch(page, expected=expected))
            return page

        yield make
    complaints = [complaint for watch in watches for complaint in watch.complaints]
    assert not complaints, "\n".join([*complaints, server.log_tail()])


@pytest.fixture
def browser_page(new_page: Callable[..., Page]) -> Page:
    return new_page()


@pytest.fixture
def sign_in(server: Server) -> Callable[[Page, Person], None]:
    def sign_in(page: Page, person: Person) -> None:
        page.context.add_cookies([{"name": SESSION_COOKIE, "value": person.session_key, "url": server.url}])

    return sign_in
