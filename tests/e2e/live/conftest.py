"""A server of this folder's own, because its tests stop it and start it again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from webbench.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def unwatched_page(server: Server, browser: Browser) -> Iterator[Callable[[], Page]]:
    """Make pages that may have complaints: a browser reports each socket that fails to open."""
    contexts = []

    def make() -> Page:
        contexts.append(browser.new_context(base_url=server.url))
        return contexts[-1].new_page()

    yield make
    for context in contexts:
        context.close()
