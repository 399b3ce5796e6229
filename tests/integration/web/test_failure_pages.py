from html import unescape

import pytest
from django.core.exceptions import BadRequest, PermissionDenied
from django.db import OperationalError, connection
from django.test import Client, override_settings
from django.urls import path, reverse


def refuse(request):
    raise PermissionDenied


def misunderstand(request):
    raise BadRequest


def break_down(request):
    raise RuntimeError


def lose_the_database(request):
    raise OperationalError


urlpatterns = [
    path("400/", misunderstand),
    path("403/", refuse),
    path("500/", break_down),
    path("503/", lose_the_database),
]
handler500 = "workstate.web.failures.server_error"


@pytest.mark.parametrize("status", [400, 403, 404, 500, 503])
def test_a_failure_has_a_page_with_a_way_on(status):
    client = Client(raise_request_exception=False)
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=["csp.middleware.CSPMiddleware"]):
        response = client.get(f"/{status}/")
    html = response.content.decode()
    assert response.status_code == status
    assert f"Error {status}" in html
    assert 'href="/"' in html
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


def test_a_database_that_takes_no_changes_is_named_and_nothing_is_half_written(browser, administrator):
    page = reverse("accounts:settings")
    browser.get(page)
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = ON")
        response = browser.post(page, {"first_name": "Amina", "time_zone": "Europe/London"})
        cursor.execute("PRAGMA query_only = OFF")
    assert response.status_code == 503
    assert "The database can't take this now" in unescape(response.content.decode())
    assert int(response.headers["Retry-After"]) > 0
    administrator.user.refresh_from_db()
    assert (administrator.user.first_name, administrator.user.time_zone) == ("", "UTC")


def test_a_form_without_its_token_says_that_nothing_was_changed(db):
    response = Client(enforce_csrf_checks=True).post("/account/sign-in/", {"login": "a@b.example", "password": "x"})
    assert response.status_code == 403
    assert "This form has expired" in response.content.decode()
