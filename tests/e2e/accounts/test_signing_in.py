"""Signing in and out, as a person at a browser does it."""

from __future__ import annotations

import pytest

from webbench.pages import assert_good_everywhere


def fill_in(page, person, password=None):
    page.goto("/account/sign-in/")
    page.get_by_label("Email").fill(person.email)
    page.get_by_label("Password").fill(password or person.password)
    page.get_by_role("button", name="Sign in").click()


@pytest.mark.parametrize("javascript", [True, False], ids=["with scripts", "without scripts"])
def test_a_person_signs_in_and_out(server, new_page, javascript):
    person = server.new_person()
    page = new_page(javascript=javascript)
    fill_in(page, person)
    page.get_by_label(f"{person.name}: your menu").click()
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/account/sign-in/")
    page.goto("/team/")
    page.wait_for_url("**/account/sign-in/?next=/team/")


def test_a_wrong_password_is_said_and_the_address_is_kept(server, browser_page):
    person = server.new_person()
    fill_in(browser_page, person, password="wrong")
    assert "not correct" in browser_page.get_by_role("alert").inner_text()
    assert browser_page.get_by_label("Email").input_value() == person.email
    assert_good_everywhere(browser_page)


def test_signing_in_leads_to_the_page_that_was_asked_for(server, browser_page):
    person = server.new_person()
    browser_page.goto("/team/")
    browser_page.get_by_label("Email").fill(person.email)
    browser_page.get_by_label("Password").fill(person.password)
    browser_page.get_by_role("button", name="Sign in").click()
    browser_page.wait_for_url("**/team/")


def test_the_keyboard_is_enough(server, browser_page):
    person = server.new_person()
    browser_page.goto("/account/sign-in/")
    press = browser_page.keyboard
    browser_page.get_by_label("Email").focus()
    press.type(person.email)
    press.press("Tab")
    press.press("Tab")
    press.type(person.password)
    press.press("Enter")
    browser_page.get_by_label(f"{person.name}: your menu").wait_for()
    press.press("Tab")
    assert browser_page.locator(":focus").inner_text() == "Skip to the page"
    press.press("Enter")
    assert browser_page.locator(":focus").get_attribute("id") == "content"
