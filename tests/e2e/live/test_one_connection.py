"""All tabs of a browser share one connection, whoever holds it and whatever becomes of its holder."""

from __future__ import annotations

import pytest
from playwright.sync_api import Error, Page

from webbench.live_pages import (
    LISTEN,
    SAID_WHEN_SIGNED_OUT,
    expect_status,
    freeze,
    heard,
    heard_kinds,
    hide,
    show,
    thaw,
)

WITHOUT_LOCKS = "Object.defineProperty(Navigator.prototype, 'locks', { value: undefined })"
SAY_NO_MORE = "BroadcastChannel.prototype.postMessage = () => {}"


def holders(sockets) -> list[Page]:
    """The pages whose socket is open."""
    return [page for page, socket in sockets if not socket.is_closed()]


def close(page: Page) -> None:
    page.close()


def leave(page: Page) -> None:
    page.goto("about:blank")


def crash(page: Page) -> None:
    with pytest.raises(Error):
        page.goto("chrome://crash")


def hang(page: Page) -> None:
    """Be there and answer nobody, as a page does whose script never ends."""
    page.evaluate(SAY_NO_MORE)


def test_two_tabs_share_one_socket_and_both_hear(server, open_page, person, sockets):
    first = open_page()
    second = open_page(context=first.context)
    server.publish(person, "timer.started")
    assert heard_kinds(first, 1) == heard_kinds(second, 1) == ["timer"]
    assert holders(sockets) == [first]


def test_two_people_at_one_browser_share_nothing(server, open_page, person, sockets):
    first = open_page()
    colleague = server.new_person(colleague_of=person)
    second = open_page(context=first.context, signed_in_as=colleague)
    server.publish(colleague, "timer.started")
    server.publish(person, "entry.changed")
    assert heard_kinds(first, 1) == ["entry"]
    assert heard_kinds(second, 1) == ["timer"]
    assert holders(sockets) == [first, second]


@pytest.mark.parametrize("end", [close, leave, crash, freeze, hang], ids=lambda end: end.__name__)
def test_another_tab_takes_over_and_misses_nothing(server, open_page, person, sockets, end):
    first = open_page()
    second = open_page("/time/projects/", context=first.context)
    third = open_page("/time/imports/", context=first.context)
    end(first)
    server.publish(person, "timer.started", "entry.changed")
    for page in (second, third):
        assert set(heard_kinds(page, 2)) == {"timer", "entry"}
        expect_status(page, "live")
    assert next(page for page in holders(sockets) if page is not first) in (second, third)


def test_tab_that_was_away_hears_what_it_missed_and_the_other_hears_nothing_twice(server, open_page, person, sockets):
    first = open_page()
    second = open_page(context=first.context, with_clock=True)
    hide(second)
    server.publish(person, "timer.started", "entry.changed")
    assert heard_kinds(first, 2) == ["timer", "entry"]
    show(second)
    assert heard_kinds(second, 2) == ["timer", "entry"]
    server.publish(person, "timer.stopped")
    assert heard_kinds(first, 3) == ["timer", "entry", "timer"]
    assert heard_kinds(second, 3) == ["timer", "entry", "timer"]
    assert holders(sockets) == [first]


def test_tab_that_held_the_connection_and_was_frozen_joins_the_others_again(server, open_page, person, sockets):
    first = open_page()
    second = open_page(context=first.context)
    freeze(first)
    server.publish(person, "timer.started")
    assert heard_kinds(second, 1) == ["timer"]
    thaw(first)
    assert heard_kinds(first, 1) == ["timer"]
    assert holders(sockets) == [second]


def test_both_tabs_ride_out_a_server_that_goes_away(server, open_page, person):
    pages = [first := open_page(), open_page(context=first.context)]

    def meanwhile():
        for page in pages:
            expect_status(page, "offline")
        server.publish(person, "timer.started")

    server.restart(meanwhile)
    for page in pages:
        assert heard_kinds(page, 1) == ["timer"]
        expect_status(page, "live")


def test_each_tab_finds_out_that_it_was_signed_out(server, open_page, person, sockets):
    first = open_page(expected=SAID_WHEN_SIGNED_OUT)
    pages = [first, open_page(context=first.context, expected=SAID_WHEN_SIGNED_OUT)]
    for page in pages:
        page.route("**/time/**", lambda route: route.abort())  # else it leads to the sign-in page
    server.sign_out(person)
    for page in pages:
        expect_status(page, "signed out")
    assert holders(sockets) == []


def test_tabs_whose_history_is_gone_fetch_everything_again_once(server, open_page):
    first = open_page(with_clock=True)
    second = open_page(context=first.context)
    second.evaluate("document.body.addEventListener('live:reload', () => (window.reloads = (window.reloads ?? 0) + 1))")
    hide(first)
    server.forget_history()
    show(first)
    for page in (first, second):
        assert {"reload", "timer"} <= {kind for kind, detail in heard(page, 3) if detail["reload"]}
    assert second.evaluate("window.reloads") == 1


def test_browser_without_locks_has_a_socket_for_each_tab(server, new_page, sign_in, person, sockets):
    first = new_page()
    first.context.add_init_script(WITHOUT_LOCKS)
    second = new_page(context=first.context)
    for page in (first, second):
        page.on("websocket", lambda socket, page=page: sockets.append((page, socket)))
        sign_in(page, person)
        page.goto("/time/")
        expect_status(page, "live")
        page.evaluate(LISTEN)
    server.publish(person, "timer.started")
    assert heard_kinds(first, 1) == heard_kinds(second, 1) == ["timer"]
    assert holders(sockets) == [first, second]
