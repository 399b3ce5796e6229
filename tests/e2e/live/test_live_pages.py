"""A live page on its own: what it hears, and what it says of itself."""

from __future__ import annotations

from webbench.live_pages import LISTEN, asleep, expect_status, freeze, heard, heard_kinds, hide, show, thaw

KEEP_FOR_BACK = 'dispatchEvent(new PageTransitionEvent("pagehide", { persisted: true }))'
COME_BACK = 'dispatchEvent(new PageTransitionEvent("pageshow", { persisted: true }))'


def test_page_is_live_and_hears_what_happens(server, open_page, person):
    page = open_page()
    server.publish(person, "timer.started")
    (event,) = heard(page, 1)
    assert event[0] == "timer"
    assert event[1]["type"] == "timer.started"
    assert event[1]["data"] == {"of": "timer.started"}


def test_page_hears_nothing_of_other_people(server, open_page, person):
    page = open_page()
    server.publish(server.new_person(), "timer.started")
    server.publish(person, "entry.changed")
    assert heard_kinds(page, 1) == ["entry"]


def test_page_rendered_before_an_event_and_connected_after_it_hears_of_it(server, new_page, person, sign_in):
    page = new_page()
    sign_in(page, person)
    page.add_init_script(f"document.addEventListener('DOMContentLoaded', {LISTEN})")
    page.route("**/live.js*", lambda route: (server.publish(person, "timer.started"), route.continue_()))
    page.goto("/")
    assert heard_kinds(page, 1) == ["timer"]
    expect_status(page, "live")


def test_page_in_the_background_rests_and_catches_up_with_one_event_of_each_kind(server, open_page, person):
    page = open_page(with_clock=True)
    with page.expect_event("websocket") as again:
        hide(page)
        server.publish(person, "timer.started", "entry.changed", "timer.stopped", "timer.started")
        show(page)
    expect_status(page, "live")
    assert not again.value.is_closed()
    assert sorted((kind, detail["count"]) for kind, detail in heard(page, 2)) == [("entry", 1), ("timer", 3)]
    server.publish(person, "timer.stopped")
    assert heard_kinds(page, 3)[2:] == ["timer"]


def test_page_whose_history_is_gone_fetches_everything_again(server, open_page):
    page = open_page(with_clock=True)
    hide(page)
    server.forget_history()
    show(page)
    expect_status(page, "live")
    events = heard(page, 3)
    assert {kind for kind, _ in events} >= {"entry", "timer", "reload"}
    assert all(detail["reload"] for _, detail in events)


def test_page_rides_out_a_server_that_goes_away(server, open_page, person):
    page = open_page()

    def meanwhile():
        expect_status(page, "offline")
        server.publish(person, "timer.started")

    server.restart(meanwhile)
    expect_status(page, "live")
    assert heard_kinds(page, 1) == ["timer"]


def test_browser_that_is_told_of_a_lost_network_is_offline_until_it_is_back(server, open_page, person):
    page = open_page()
    page.context.set_offline(True)
    expect_status(page, "offline")
    server.publish(person, "timer.started")
    page.context.set_offline(False)
    expect_status(page, "live")
    assert heard_kinds(page, 1) == ["timer"]


def test_browser_that_stood_still_while_the_server_was_restarted_catches_up(server, open_page, person, browser):
    page = open_page()
    with asleep(browser):
        server.restart(lambda: server.publish(person, "timer.started"))
    assert heard_kinds(page, 1) == ["timer"]
    expect_status(page, "live")


def test_computer_that_slept_for_a_minute_does_not_trust_the_socket_it_had(server, new_page, sign_in, person):
    """A closed lid stops clocks and scripts; `fast_forward` is that: each overdue timer runs once, a minute late.

    The socket of before is open as far as the browser knows, and nothing will ever come through it.
    """
    page = new_page()
    page.clock.install()
    is_asleep = False
    sockets = []

    def carry(browser_side):
        server_side = browser_side.connect_to_server()
        sockets.append(browser_side)
        is_first = len(sockets) == 1
        server_side.on_message(lambda text: None if is_asleep and is_first else browser_side.send(text))

    page.route_web_socket("**/ws/timer/**", carry)
    sign_in(page, person)
    page.goto("/time/")
    expect_status(page, "live")
    page.evaluate(LISTEN)
    is_asleep = True
    server.publish(person, "timer.started")
    page.clock.fast_forward(60_000)
    assert heard_kinds(page, 1) == ["timer"]
    expect_status(page, "live")
    assert len(sockets) == 2


def test_page_that_is_kept_for_back_lets_go_of_its_socket_and_catches_up(server, open_page, person, sockets):
    page = open_page()
    page.evaluate(KEEP_FOR_BACK)
    server.publish(person, "timer.started")
    page.evaluate(COME_BACK)
    assert heard_kinds(page, 1) == ["timer"]
    expect_status(page, "live")
    assert [socket.is_closed() for _, socket in sockets] == [True, False]


def test_page_that_is_frozen_lets_go_of_its_socket_and_catches_up(server, open_page, person, sockets):
    page = open_page()
    freeze(page)
    server.publish(person, "timer.started")
    thaw(page)
    assert heard_kinds(page, 1) == ["timer"]
    expect_status(page, "live")
    assert [socket.is_closed() for _, socket in sockets] == [True, False]


def test_page_that_was_signed_out_elsewhere_says_so_and_leaves_the_server_alone(server, open_page, person, sockets):
    page = open_page(expected=["htmx:"])
    page.route("**/*", lambda route: route.abort())  # a fragment that is asked for would lead to the sign-in page
    server.sign_out(person)
    expect_status(page, "signed out")
    show(page)
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect_status(page, "signed out")
    assert [socket.is_closed() for _, socket in sockets] == [True]
