"""A server of this folder's own, because its tests stop it and start it again, and pages that listen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from webbench.live_pages import LISTEN, expect_status
from webbench.server import Server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from playwright.sync_api import Page, WebSocket

    from webbench.server import Person

REFUSED_SOCKETS = ["WebSocket connection to"]  # a browser reports each socket that fails to open


@pytest.fixture(scope="package")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("server"))
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
def person(server: Server) -> Person:
    return server.new_person()


@pytest.fixture
def sockets() -> list[tuple[Page, WebSocket]]:
    """Every socket that a page of this test has opened, oldest first, and whose it is."""
    return []


@pytest.fixture
def open_page(new_page: Callable[..., Page], sign_in, person: Person, sockets) -> Callable[..., Page]:
    """Open a page of a person, in a browser of its own or beside `context`, and have it listen once it is live."""

    def open_page(
        path: str = "/time/",
        *,
        signed_in_as: Person | None = None,
        with_clock: bool = False,
        expected: Sequence[str] = (),
        **options,
    ) -> Page:
        page = new_page(expected=[*REFUSED_SOCKETS, *expected], **options)
        page.on("websocket", lambda socket: sockets.append((page, socket)))
        if with_clock:
            page.clock.install()
        sign_in(page, signed_in_as or person)
        page.goto(path)
        expect_status(page, "live")
        page.evaluate(LISTEN)
        return page

    return open_page
