"""live.js in a real browser: what a page hears, and what it says of itself."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

LISTEN = """() => {
    window.heard = [];
    for (const kind of ["timer", "entry", "reload"]) {
        document.body.addEventListener(`live:${kind}`, (event) => window.heard.push([kind, event.detail]));
    }
}"""
SHOW = """(hidden) => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""
PAUSE_MS = 61_000


@pytest.fixture
def person(server):
    return server.new_person()


def open_page(page: Page, person, sign_in) -> Page:
    sign_in(page, person)
    page.goto("/")
    expect_status(page, "live")
    page.evaluate(LISTEN)
    return page


def expect_status(page: Page, status: str) -> None:
    shown = page.locator("[data-live-status]")
    expect(shown).to_have_attribute("data-live-status", status, timeout=20_000)
    expect(shown).to_have_text(status)


def publish(server, person, *types: str) -> None:
    server.manage(
        "shell",
        "--command",
        "from workstate.core import live\n"
        f"for type in {types!r}: live.publish('user:{person.user_id}', type, {{'of': type}})",
    )


def heard(page: Page, count: int) -> list[tuple[str, dict]]:
    page.wait_for_function("(count) => window.heard.length >= count", arg=count)
    return [(kind, detail) for kind, detail in page.evaluate("window.heard")]


def heard_kinds(page: Page, count: int) -> list[str]:
    return [kind for kind, _ in heard(page, count)]


def test_page_is_live_and_hears_what_happens(server, browser_page, person, sign_in):
    page = open_page(browser_page, person, sign_in)
    publish(server, person, "timer.started")
    (event,) = heard(page, 1)
    assert event[0] == "timer"
    assert event[1]["type"] == "timer.started"
    assert event[1]["data"] == {"of": "timer.started"}


def test_page_hears_nothing_of_other_people(server, browser_page, person, sign_in):
    page = open_page(browser_page, person, sign_in)
    publish(server, server.new_person(), "timer.started")
    publish(server, person, "entry.changed")
    assert heard_kinds(page, 1) == ["entry"]


def test_page_rendered_before_an_event_and_connected_after_it_hears_of_it(server, new_page, person, sign_in):
    page = new_page()
    sign_in(page, person)
    page.add_init_script(f"document.addEventListener('DOMContentLoaded', {LISTEN})")
    page.route("**/live.js*", lambda route: (publish(server, person, "timer.started"), route.continue_()))
    page.goto("/")
    assert heard_kinds(page, 1) == ["timer"]
    expect_status(page, "live")


def test_page_in_the_background_pauses_and_catches_up_with_one_event_of_each_kind(server, new_page, person, sign_in):
    page = new_page()
    page.clock.install()
    open_page(page, person, sign_in)
    page.evaluate(SHOW, True)
    page.clock.fast_forward(PAUSE_MS)
    expect_status(page, "offline")
    publish(server, person, "timer.started", "entry.changed", "timer.stopped", "timer.started")
    page.evaluate(SHOW, False)
    expect_status(page, "live")
    assert sorted(heard_kinds(page, 2)) == ["entry", "timer"]
    publish(server, person, "timer.stopped")
    assert heard_kinds(page, 3)[2:] == ["timer"]


def test_page_whose_history_is_gone_fetches_everything_again(server, new_page, person, sign_in):
    page = new_page()
    page.clock.install()
    open_page(page, person, sign_in)
    page.evaluate("""() => {
        const element = document.createElement("div");
        element.setAttribute("hx-trigger", "live:entry from:body, live:timer from:body delay:1s");
        document.body.append(element);
    }""")
    page.evaluate(SHOW, True)
    page.clock.fast_forward(PAUSE_MS)
    server.manage(
        "shell", "--command", "from workstate.core.live.models import Stream; Stream.objects.update(epoch='other')"
    )
    page.evaluate(SHOW, False)
    expect_status(page, "live")
    events = heard(page, 3)
    assert {kind for kind, _ in events} >= {"entry", "timer", "reload"}
    assert all(detail["reload"] for _, detail in events)


def test_page_rides_out_a_server_that_goes_away(server, unwatched_page, person, sign_in):
    page = unwatched_page()
    open_page(page, person, sign_in)
    server._processes[-1].stop()
    expect_status(page, "offline")
    publish(server, person, "timer.started")
    server.start()
    expect_status(page, "live")
    assert heard_kinds(page, 1) == ["timer"]


def test_signing_out_takes_the_other_tab_offline_for_good(server, unwatched_page, person, sign_in):
    page = open_page(unwatched_page(), person, sign_in)
    page.route("**/*", lambda route: route.abort())  # a fragment that is asked for would lead to the sign-in page
    sockets = []
    page.on("websocket", lambda socket: sockets.append(socket))  # noqa: PLW0108  Playwright marks what it calls
    server.manage(
        "shell",
        "--command",
        "from types import SimpleNamespace\n"
        "from django.contrib.auth import get_user_model, logout\n"
        "from django.contrib.sessions.backends.db import SessionStore\n"
        f"user = get_user_model().objects.get(pk={person.user_id})\n"
        f"logout(SimpleNamespace(user=user, session=SessionStore({json.dumps(person.session_key)})))",
    )
    expect_status(page, "offline")
    page.evaluate(SHOW, False)
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect_status(page, "offline")
    assert sockets == []
