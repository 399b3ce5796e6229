"""Where something between browser and server lets no WebSocket through, pages are live by server-sent events."""

from __future__ import annotations

import pytest

from webbench.live_pages import SAID_WHEN_SIGNED_OUT, expect_status, heard_kinds

# What such a proxy makes of the handshake, as the page sees it.
NO_SOCKETS = """
    window.WebSocket = class extends EventTarget {
        static OPEN = 1;
        readyState = 0;
        constructor() {
            super();
            setTimeout(() => this.dispatchEvent(new CloseEvent("close", { code: 1006 })));
        }
        close() {}
    };
"""


@pytest.fixture
def streams():
    """Every request for an event stream, oldest first, by the page that made it."""
    return []


@pytest.fixture
def tabs(new_page, open_page, streams):
    """Two tabs of a browser whose way to the server lets no WebSocket through."""
    first = new_page()
    context = first.context
    context.add_init_script(NO_SOCKETS)
    context.on("request", lambda request: "/live/events/" in request.url and streams.append(request.frame.page))
    return [open_page(path, context=context, expected=SAID_WHEN_SIGNED_OUT) for path in ("/time/", "/time/projects/")]


def test_two_tabs_share_one_event_stream_and_both_hear(server, tabs, streams, person):
    server.publish(person, "timer.started")
    for page in tabs:
        assert heard_kinds(page, 1) == ["timer"]
    assert streams == [tabs[0]]


def test_tabs_ride_out_a_server_that_goes_away(server, tabs, person):
    def meanwhile():
        for page in tabs:
            expect_status(page, "offline")
        server.publish(person, "timer.started")

    server.restart(meanwhile)
    for page in tabs:
        assert heard_kinds(page, 1) == ["timer"]
        expect_status(page, "live")


def test_tabs_hear_through_the_stream_that_they_were_signed_out(server, tabs, person):
    for page in tabs:
        page.route("**/time/**", lambda route: route.abort())
    server.sign_out(person)
    for page in tabs:
        expect_status(page, "signed out")
