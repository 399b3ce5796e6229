import pytest
from django.template import Context, Template

from workstate.web.templatetags import web


def render(source, **context):
    return Template("{% load web %}" + source).render(Context(context))


@pytest.mark.parametrize(
    ("person", "letters"),
    [("Amina Okafor", "AO"), ("amina.okafor@example.com", "AO"), ("Tom", "T"), ("Ana de la Cruz", "AD"), ("", "")],
)
def test_initials_stand_for_a_person(person, letters):
    assert web.initials(person) == letters


@pytest.mark.parametrize("state", web.STATES)
def test_a_state_is_a_colour_an_icon_and_a_word(state):
    html = render("{% badge state %}", state=state)
    assert f"is-{state}" in html
    assert "<svg" in html
    assert state.capitalize() in html


def test_a_word_of_a_badge_is_escaped():
    assert "<b>" not in render("{% badge 'done' word %}", word="<b>")


def test_an_icon_is_silent_for_screen_readers_and_its_class_is_escaped():
    html = render("{% icon 'timer' size=16 css_class=name %}", name='"><script>')
    assert 'aria-hidden="true"' in html
    assert 'width="16"' in html
    assert "<script>" not in html


@pytest.mark.parametrize("level", ["debug", "info", "success", "warning", "error", "unknown"])
def test_every_level_of_message_has_an_icon_that_exists(level):
    assert "<svg" in render("{% icon level|notice_icon %}", level=level)
