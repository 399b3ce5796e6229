"""The team as an administrator runs it, and as an invited person comes into it."""

from __future__ import annotations

import pytest

from webbench.pages import assert_accessible, assert_fits, assert_good_everywhere


@pytest.fixture
def administrator(server):
    return server.new_person(first_name="Amina", last_name="Okafor")


@pytest.fixture
def page(new_page, sign_in, administrator):
    page = new_page()
    sign_in(page, administrator)
    page.goto("/team/")
    return page


def test_an_invited_person_comes_in_through_the_link(page, new_page):
    page.get_by_role("link", name="Invite someone").click()
    assert_good_everywhere(page)
    page.get_by_label("Name").fill("Priya Raman")
    page.get_by_label("E-mail address").fill("priya@example.com")
    page.get_by_role("button", name="Invite", exact=True).click()
    link = page.get_by_label("Sign-in link").inner_text()
    assert_good_everywhere(page)

    elsewhere = new_page(width=390)
    elsewhere.goto(link)
    assert_accessible(elsewhere)
    assert_fits(elsewhere)
    elsewhere.get_by_label("New password", exact=True).fill("a lamp beside the stairs")
    elsewhere.get_by_label("New password (again)").fill("a lamp beside the stairs")
    elsewhere.get_by_role("button", name="Set password").click()
    elsewhere.get_by_label("Priya Raman: your menu").wait_for()


@pytest.mark.parametrize("javascript", [True, False], ids=["with scripts", "without scripts"])
def test_a_role_is_changed_and_a_member_removed(server, new_page, sign_in, administrator, javascript):
    server.new_person(role="member", colleague_of=administrator, first_name="Tom", last_name="Whitfield")
    page = new_page(javascript=javascript)
    sign_in(page, administrator)
    page.goto("/team/")
    row = page.get_by_role("row", name="Tom Whitfield")
    row.get_by_label("Actions for Tom Whitfield").click()
    row.get_by_role("button", name="Make manager").click()
    page.get_by_text("Role of Tom Whitfield: Manager.").wait_for()

    row.get_by_label("Actions for Tom Whitfield").click()
    row.get_by_role("button", name="Remove from the team").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove").click()
    page.get_by_text("Tom Whitfield is no longer in the team.").wait_for()
    assert row.count() == 0


def test_the_team_holds_in_both_themes_and_widths_also_with_a_menu_open(page, administrator):
    assert_good_everywhere(page)
    page.get_by_label(f"Actions for {administrator.name}").click()
    page.get_by_role("button", name="Remove from the team").wait_for()
    assert_good_everywhere(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Remove from the team").wait_for(state="hidden")


def test_the_settings_keep_what_was_typed_beside_the_error(page):
    page.goto("/settings/")
    assert_good_everywhere(page)
    page.get_by_label("First name").fill("Amina Grace")
    page.get_by_label("Time zone").fill("europe/madrid")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Saved.").wait_for()
    assert page.get_by_label("Time zone").input_value() == "Europe/Madrid"


def test_the_page_says_whether_it_is_live(page):
    page.get_by_text("Live", exact=False).and_(page.locator("[data-live-word]")).wait_for()
    assert page.locator("[data-live-status=live]").is_visible()
