"""What a person sees when a request of the page fails."""

from __future__ import annotations

import pytest


@pytest.fixture
def page(server, new_page, sign_in):
    page = new_page(expected=["htmx:", "Response Status Error"])  # what htmx says of a failed request
    sign_in(page, server.new_person())
    page.goto("/time/")
    return page


def start_timer(page):
    page.get_by_label("What are you working on?").fill("Boiler check")
    page.get_by_role("button", name="Start").click()


def assert_said_and_kept(page, words):
    page.get_by_role("status").get_by_text(words).wait_for()
    assert page.get_by_label("What are you working on?").input_value() == "Boiler check"


def test_a_server_that_is_away_is_said_and_what_was_typed_stays(page):
    page.route("**/time/timer/start/", lambda route: route.abort("connectionrefused"))
    start_timer(page)
    assert_said_and_kept(page, "The server can't be reached")


def test_a_failure_is_said_in_the_words_of_the_server_and_goes_when_it_works_again(page):
    page.route("**/time/timer/start/", lambda route: route.fulfill(status=409, body=FAILURE, content_type="text/html"))
    start_timer(page)
    assert_said_and_kept(page, "The database <b>can't</b> take this now")
    page.unroute("**/time/timer/start/")
    page.get_by_role("button", name="Start").click()
    page.get_by_text("can't take this now").wait_for(state="hidden")


FAILURE = "<!doctype html><header><h1>The database &lt;b>can't&lt;/b> take this now</h1><p>Try again.</p></header>"
