"""The timer as people use it: in tabs, by keyboard, offline, and without a script."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from webbench.pages import assert_good_everywhere

RUNNING = "[data-timer-running]"
ELAPSED = "#timer-elapsed"
WHAT = "What are you working on?"


def start(page: Page, description: str) -> None:
    page.get_by_label(WHAT).fill(description)
    page.get_by_role("button", name="Start").click()
    expect(page.locator(RUNNING)).to_have_value(description)


def stop(page: Page) -> None:
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_label(WHAT)).to_be_visible()


def test_what_one_tab_does_the_other_shows(open_time):
    here = open_time()
    there = open_time(context=here.context)
    start(here, "Boiler check")
    expect(there.locator(RUNNING)).to_have_value("Boiler check")
    expect(there.locator("#week .entry")).to_have_count(1)
    stop(there)
    expect(here.get_by_label(WHAT)).to_be_visible()
    expect(here.locator("#week .entry")).not_to_contain_text("now")


def test_timer_stands_on_every_page_and_in_the_title_of_its_tab(open_time):
    here = open_time()
    there = open_time("/time/projects/", context=here.context)
    start(here, "Fire doors")
    for page in (here, there):
        expect(page).to_have_title(re.compile(r"^0:00:\d\d · Fire doors$"))
    stop(here)
    expect(there).to_have_title("Projects · Workstate")


def test_elapsed_time_goes_on_by_the_clock_of_the_server(open_time):
    page = open_time()
    page.evaluate("Date.now = () => 0")
    start(page, "Counting")
    expect(page.locator(ELAPSED)).to_have_text(re.compile(r"^0:00:0[1-9]$"))
    page.reload()
    expect(page.locator(ELAPSED)).to_have_text(re.compile(r"^0:00:(0[1-9]|[1-5]\d)$"))


def test_one_key_starts_and_the_next_words_name_it_and_one_key_stops(open_time):
    page = open_time()
    page.keyboard.press("n")
    expect(page.locator(RUNNING)).to_be_focused()
    page.keyboard.type("named later, not stopped")
    expect(page.locator("#week .entry-what")).to_have_text("named later, not stopped")
    expect(page.locator(RUNNING)).to_be_focused()
    page.locator(RUNNING).blur()
    page.keyboard.press("s")
    expect(page.get_by_label(WHAT)).to_be_visible()


def test_half_typed_text_focus_and_scroll_survive_what_another_tab_does(open_time):
    here = open_time()
    there = open_time(context=here.context)
    field = here.get_by_label(WHAT)
    field.fill("Half a sentence about the pump")
    field.evaluate("(field) => field.setSelectionRange(5, 9)")
    here.set_viewport_size({"width": 1280, "height": 320})
    here.evaluate("scrollTo(0, 90)")
    height = here.locator(".bar").bounding_box()["height"]
    start(there, "Started elsewhere")
    expect(here.locator(".timer-note")).to_contain_text("Started elsewhere")
    expect(field).to_have_value("Half a sentence about the pump")
    expect(field).to_be_focused()
    assert field.evaluate("(field) => [field.selectionStart, field.selectionEnd]") == [5, 9]
    growth = here.locator(".bar").bounding_box()["height"] - height  # by the line about the other timer
    assert abs(here.evaluate("scrollY") - 90) <= growth
    here.keyboard.press("Enter")
    expect(there.locator(RUNNING)).to_have_value("Half a sentence about the pump")


def test_draft_that_is_emptied_gives_way_to_the_timer_that_runs(open_time):
    here = open_time()
    there = open_time(context=here.context)
    here.get_by_label(WHAT).fill("Never mind")
    start(there, "Started elsewhere")
    expect(here.locator(".timer-note")).to_be_visible()
    here.get_by_label(WHAT).fill("")
    here.keyboard.press("Tab")  # whatever has the focus by now: an emptied draft may have given way already
    expect(here.locator(RUNNING)).to_have_value("Started elsewhere")


def test_description_that_is_being_changed_survives_a_change_elsewhere(open_time):
    here = open_time()
    there = open_time(context=here.context)
    start(here, "First words")
    field = here.locator(RUNNING)
    expect(there.locator(RUNNING)).to_be_visible()
    field.press("End")
    field.press_sequentially(", more words to come, and then some", delay=30)
    expect(there.locator(RUNNING)).to_have_value("First words, more words to come, and then some")
    expect(field).to_be_focused()
    expect(field).to_have_value("First words, more words to come, and then some")


def test_words_typed_for_a_timer_that_is_stopped_elsewhere_are_not_lost(open_time):
    here = open_time()
    there = open_time(context=here.context)
    start(here, "First words")
    expect(there.locator(RUNNING)).to_be_visible()
    here.locator(RUNNING).fill("Last words")
    stop(there)
    expect(there.locator("#week .entry-what")).to_have_text("Last words")


def test_words_typed_on_the_way_to_another_page_are_not_lost(open_time):
    page = open_time()
    start(page, "First words")
    page.locator(RUNNING).fill("Last words")
    page.goto("/time/projects/")
    expect(page.locator(RUNNING)).to_have_value("Last words")


def test_description_of_two_lines_is_left_as_it_is_by_pages_that_show_one(open_time):
    page = open_time()
    start(page, "First")
    page.locator("#week .entry-what").click()
    page.get_by_label("Description").fill("First\nSecond")
    page.get_by_role("button", name="Save").click()
    for _ in range(2):
        page.goto("/time/projects/")
    page.goto("/time/")
    page.locator("#week .entry-what").click()
    expect(page.get_by_label("Description")).to_have_value("First\nSecond")


def test_page_that_was_offline_catches_up_by_itself(open_time, unwatched_page, person, sign_in):
    here, there = unwatched_page, open_time()
    sign_in(here, person)
    here.goto("/time/")
    status = here.locator("[data-live-status]")
    expect(status).to_have_attribute("data-live-status", "live")
    here.context.set_offline(True)
    expect(status).to_have_attribute("data-live-status", "offline")
    start(there, "While the other was away")
    here.context.set_offline(False)
    expect(status).to_have_attribute("data-live-status", "live", timeout=20_000)
    expect(here.locator(RUNNING)).to_have_value("While the other was away")
    expect(here.locator("#week .entry")).to_have_count(1)


def test_timer_stopped_elsewhere_is_stopped_calmly(open_time):
    here = open_time()
    start(here, "Once")
    without_script = open_time(javascript=False)
    stop(here)
    without_script.get_by_role("button", name="Stop").click()
    expect(without_script.get_by_role("status").filter(has_text="already stopped elsewhere")).to_be_visible()


def test_discarded_timer_is_gone_in_every_tab(open_time):
    here = open_time()
    there = open_time(context=here.context)
    start(here, "By mistake")
    expect(there.locator("#week .entry")).to_have_count(1)
    here.get_by_role("button", name="Discard this timer").click()
    here.get_by_role("button", name="Discard", exact=True).click()
    for page in (here, there):
        expect(page.get_by_label(WHAT)).to_be_visible()
        expect(page.get_by_text("Nothing tracked this week yet")).to_be_visible()


def test_everything_works_without_a_script(open_time):
    page = open_time(javascript=False)
    page.get_by_label(WHAT).fill("Paper and pencil")
    page.get_by_role("button", name="Start").click()
    page.locator(RUNNING).fill("Pencil and paper")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("link", name="Pencil and paper").click()
    page.get_by_label("Start", exact=True).fill("2026-11-18T09:00:00")
    page.get_by_label("End", exact=True).fill("2026-11-18T08:00:00")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("The end lies before the start")).to_be_visible()
    page.get_by_label("End", exact=True).fill("2026-11-18T10:05:00")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Wednesday 18 November")).to_be_visible()
    expect(page.locator(".entry")).to_contain_text("09:00 – 10:05")  # noqa: RUF001  as it is shown
    page.get_by_role("link", name="Pencil and paper").click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("The entry is deleted.")).to_be_visible()


@pytest.mark.parametrize("description", ["בדיקת דוד, קומה 2", "x" * 10_000, "👩🏽‍🔧" * 300])
def test_any_description_stays_within_the_page(open_time, description):
    page = open_time()
    page.get_by_label(WHAT).fill(description)
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#week .entry")).to_have_count(1)
    assert_good_everywhere(page)


def test_pages_are_accessible_and_fit_a_phone_in_both_themes(open_time):
    page = open_time()
    assert_good_everywhere(page)
    start(page, "Boiler check")
    assert_good_everywhere(page)
    page.get_by_role("button", name="Discard this timer").click()
    assert_good_everywhere(page)
    page.keyboard.press("Escape")
    page.locator("#week .entry-what").click()
    assert_good_everywhere(page)
    page.goto("/time/projects/")
    page.get_by_label("Name").fill("Boilers")
    page.get_by_role("button", name="Add").click()
    assert_good_everywhere(page)


def test_nothing_of_another_person_is_heard(open_time, server):
    mine = open_time()
    theirs = open_time(signed_in_as=server.new_person())
    start(theirs, "Secret")
    start(mine, "Mine")
    expect(mine.locator("#week .entry")).to_have_count(1)
    assert "Secret" not in mine.content()
