"""Updates leave in peace what a person reads and types, and a pause leaves everything."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from webbench.live_pages import expect_status, heard
from webbench.pages import assert_good_everywhere

PAUSE = "Pause live updates"
NEW = "[data-live-show]"
ANNOUNCED = "[data-live-announcement]"

# A fragment that a script of the page may stand in for: its answers are numbered.
FRAGMENT = """(inside) => {
    const section = document.createElement("section");
    section.id = "fragment";
    for (const [name, value] of Object.entries({
        "hx-get": "/fragment/", "hx-trigger": "live:entry from:body", "hx-target": "this",
    })) section.setAttribute(name, value);
    section.innerHTML = inside;
    document.querySelector(".page-body").prepend(section);
    htmx.process(section);
}"""


@pytest.fixture
def with_fragment(open_page, person, server):
    """Open a page with a fragment in it whose n-th answer holds `html` with n for `{n}`; return page and update."""

    def with_fragment(html: str, **options):
        page = open_page("/time/projects/", **options)
        answers = iter(range(1, 100))

        def answer(route):
            route.fulfill(body=html.replace("{n}", str(next(answers))), content_type="text/html")

        page.route("**/fragment/", answer)
        page.evaluate(FRAGMENT, html.replace("{n}", "0"))

        def update() -> None:
            before = page.evaluate("window.heard.length")
            server.publish(person, "entry.changed")
            heard(page, before + 1)

        return page, update

    return with_fragment


def pause_button(page: Page):
    return page.get_by_role("button", name=PAUSE)


def press_tab_until(page: Page, selector: str) -> None:
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.locator(selector).evaluate("(element) => element === document.activeElement"):
            return
    raise AssertionError(f"Tab never came to {selector}.")


def test_paused_page_says_what_is_new_and_changes_when_it_is_asked_to(with_fragment):
    page, update = with_fragment("<p id='text'>Version {n}</p>")
    pause_button(page).click()
    expect_status(page, "paused")
    for _ in range(3):
        update()
    expect(page.locator(NEW)).to_have_text(re.compile("3 new"))
    expect(page.locator(ANNOUNCED)).to_contain_text("new, not shown yet")
    expect(page.locator("#text")).to_have_text("Version 0")
    page.locator(NEW).click()
    expect(page.locator("#text")).to_have_text("Version 1")
    expect(page.locator(NEW)).to_be_hidden()
    expect_status(page, "paused")
    update()
    expect(page.locator(NEW)).to_have_text(re.compile("1 new"))
    pause_button(page).click()
    expect(page.locator("#text")).to_have_text("Version 2")
    expect_status(page, "live")


def test_pause_is_kept_for_the_tab_and_no_other(open_page):
    page = open_page()
    pause_button(page).click()
    expect_status(page, "paused")
    other = open_page(context=page.context)
    expect_status(other, "live")
    page.goto("/time/projects/")
    expect_status(page, "paused")


def test_timer_runs_on_in_the_bar_of_a_paused_page(open_page):
    here = open_page()
    there = open_page(context=here.context)
    pause_button(here).click()
    there.get_by_label("What are you working on?").fill("Boiler check")
    there.get_by_role("button", name="Start").click()
    expect(here.locator("[data-timer-running]")).to_have_value("Boiler check")
    expect(here.locator(NEW)).to_be_visible()
    expect(here.locator("#week .entry")).to_have_count(0)
    assert_good_everywhere(here)


def test_own_doing_shows_on_a_paused_page(open_page):
    page = open_page()
    pause_button(page).click()
    page.get_by_label("What are you working on?").fill("Boiler check")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#week .entry")).to_have_count(1)


def test_keyboard_is_enough_to_pause_see_what_is_new_and_go_on(with_fragment):
    page, update = with_fragment("<p id='text'>Version {n}</p>")
    press_tab_until(page, "[data-live-pause]")
    page.keyboard.press("Space")
    expect_status(page, "paused")
    expect(pause_button(page)).to_have_attribute("aria-pressed", "true")
    update()
    expect(page.locator(NEW)).to_be_visible()
    page.keyboard.press("Shift+Tab")
    expect(page.locator(NEW)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#text")).to_have_text("Version 1")
    expect(pause_button(page)).to_be_focused()
    page.keyboard.press("Enter")
    expect_status(page, "live")


def test_fragment_waits_while_somebody_types_in_it(with_fragment):
    page, update = with_fragment("<p id='text'>Version {n}</p><input id='note' aria-label='Note'>")
    note = page.get_by_label("Note")
    note.press_sequentially("half a w")
    update()
    note.press_sequentially("ord")
    expect(page.locator("#text")).to_have_text("Version 0")
    note.blur()
    expect(page.locator("#text")).to_have_text("Version 1")
    expect(note).to_have_value("half a word")


def test_focus_selection_and_what_was_opened_survive_an_update(with_fragment):
    page, update = with_fragment(
        "<p id='text'>Version {n}</p><input id='note' aria-label='Note' value='some words'>"
        "<details id='more'><summary>More</summary>of it</details>"
    )
    page.get_by_text("More").click()
    note = page.get_by_label("Note")
    note.focus()
    note.evaluate("(note) => note.setSelectionRange(5, 10)")
    update()
    expect(page.locator("#text")).to_have_text("Version 1")
    expect(note).to_be_focused()
    assert note.evaluate("(note) => [note.selectionStart, note.selectionEnd]") == [5, 10]
    expect(page.locator("#more")).to_have_attribute("open", "")


def test_focus_on_what_is_gone_stays_in_its_fragment(with_fragment):
    page, update = with_fragment("<button id='button-{n}'>Go</button><a id='next' href='#next'>Next</a>")
    page.locator("#button-0").focus()
    update()
    expect(page.locator("#fragment")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.locator("#button-1")).to_be_focused()


def test_what_is_being_read_stays_where_it_is_when_something_comes_in_above_it(with_fragment):
    rows = "".join(f"<p id='row-{number}'>Row {number}</p>" for number in range(100))
    page, update = with_fragment(f"<svg id='above-{{n}}' height='{{n}}00'></svg>{rows}")
    page.evaluate("document.getElementById('row-60').scrollIntoView({ block: 'center' })")
    before = page.locator("#row-60").bounding_box()["y"]
    update()
    expect(page.locator("#above-1")).to_be_attached()
    assert abs(page.locator("#row-60").bounding_box()["y"] - before) <= 1


def test_fragment_that_the_server_did_not_answer_is_asked_for_again(with_fragment):
    page, update = with_fragment("<p id='text'>Version {n}</p>", expected=["htmx:"])
    page.route("**/fragment/", lambda route: route.abort("connectionrefused"), times=1)
    update()
    expect(page.locator("#text")).to_have_text("Version 1")


def test_form_that_is_sent_comes_back_as_the_server_answers(with_fragment):
    page, _ = with_fragment(
        "<form hx-get='/fragment/' hx-target='#fragment'><input id='note' aria-label='Note'><button>Add {n}</button></form>"
    )
    page.get_by_label("Note").fill("A remark")
    page.get_by_role("button", name="Add 0").click()
    page.get_by_role("button", name="Add 1").wait_for()
    expect(page.get_by_label("Note")).to_have_value("")


def test_screen_readers_hear_of_an_outage_once_it_lasts_and_of_its_end(open_page):
    page = open_page(with_clock=True)
    announced = page.locator(ANNOUNCED)
    expect(announced).to_be_empty()
    page.context.set_offline(True)
    expect_status(page, "offline")
    expect(announced).to_be_empty()
    page.clock.fast_forward(6_000)
    expect(announced).to_contain_text("The connection is lost")
    page.context.set_offline(False)
    expect_status(page, "live")
    expect(announced).to_contain_text("Connected again")


def test_bar_fits_in_every_status(open_page):
    page = open_page()
    pause_button(page).click()
    expect_status(page, "paused")
    assert_good_everywhere(page)
    page.context.set_offline(True)
    expect_status(page, "offline")
    assert_good_everywhere(page)
