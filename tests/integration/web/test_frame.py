import json
import re
from html import unescape

from django.urls import reverse
from django.utils.html import format_html

from workstate.core import live

SETTINGS = reverse("accounts:settings")


def streams_of(response):
    return json.loads(unescape(re.search(r'data-live-streams="([^"]*)"', response.content.decode()).group(1)))


def test_a_page_follows_the_stream_of_its_person_from_where_it_was_rendered(browser, administrator):
    stream = f"user:{administrator.user_id}"
    before = streams_of(browser.get(SETTINGS))
    live.publish(stream, "timer.started", {})
    after = streams_of(browser.get(SETTINGS))
    assert before.keys() == after.keys() == {stream}
    assert before[stream] != after[stream] == live.position(stream)


def test_the_place_where_one_is_is_marked(browser):
    html = browser.get(reverse("accounts:invite")).content.decode()
    assert re.search(r'href="/team/" aria-current="page"', html)
    assert html.count('aria-current="page"') == 1


def test_no_link_of_the_frame_is_dead(browser):
    html = browser.get(SETTINGS).content.decode()
    for address in set(re.findall(r'href="(/[^"]*)"', html)):
        assert browser.get(address, follow=True).status_code == 200, address


def test_the_timer_stands_in_the_bar(browser, settings):
    settings.WEB_TIMER_BAR = f"{__name__}.render_timer"
    assert "<b>A timer for amina@example.com</b>" in browser.get(SETTINGS).content.decode()


def render_timer(request):
    return format_html("<b>A timer for {}</b>", request.user)


def test_what_people_type_is_escaped_wherever_it_stands(browser, administrator):
    administrator.organisation.name = '<script>alert("organisation")</script>'
    administrator.organisation.save()
    administrator.user.first_name = '"><script>alert("name")</script>'
    administrator.user.save()
    assert "<script>alert" not in browser.get(SETTINGS).content.decode()
    assert "<script>alert" not in browser.get(reverse("accounts:team")).content.decode()
