from types import SimpleNamespace

import pytest
from django.test import RequestFactory

from workstate.web import frame
from workstate.web.frame import NavigationItem


@pytest.fixture
def request_for(settings):
    settings.ROOT_URLCONF = "workstate.project.urls"
    settings.WEB_NAVIGATION = [
        NavigationItem(label="Team", icon="users", url_name="accounts:team"),
        NavigationItem(label="Invite", icon="plus", url_name="accounts:invite", is_visible=frame.is_administrator),
    ]

    def request_for(path, *, membership):
        request = RequestFactory().get(path)
        request.membership = membership
        return request

    return request_for


ADMINISTRATOR = SimpleNamespace(is_administrator=True)
MEMBER = SimpleNamespace(is_administrator=False)


def labels(request, *, current_only=False):
    return [link.label for link in frame.list_navigation(request) if link.is_current or not current_only]


def test_people_see_where_they_may_go(request_for):
    assert labels(request_for("/team/", membership=ADMINISTRATOR)) == ["Team", "Invite"]
    assert labels(request_for("/team/", membership=MEMBER)) == ["Team"]
    assert labels(request_for("/team/", membership=None)) == []


def test_the_longest_address_above_the_page_is_current(request_for):
    assert labels(request_for("/team/", membership=ADMINISTRATOR), current_only=True) == ["Team"]
    assert labels(request_for("/team/invite/", membership=ADMINISTRATOR), current_only=True) == ["Invite"]
    assert labels(request_for("/settings/", membership=ADMINISTRATOR), current_only=True) == []


def test_there_is_no_timer_without_a_member_or_an_app_that_renders_it(request_for, settings):
    settings.WEB_TIMER_BAR = None
    assert frame.render_timer_bar(request_for("/", membership=MEMBER)) == ""
    settings.WEB_TIMER_BAR = "does.not.matter"
    assert frame.render_timer_bar(request_for("/", membership=None)) == ""
