import re

import pytest
from django.urls import NoReverseMatch, reverse

from workstate.apps.accounts.models import User
from workstate.core.cache.models import CacheEntry

SIGN_IN = reverse("account_login")
RESET = reverse("account_reset_password")


def attempt(client, email, password):
    return client.post(SIGN_IN, {"login": email, "password": password})


def is_signed_in(response):
    return response.status_code == 302


def test_the_case_of_an_address_does_not_matter(client, member):
    assert is_signed_in(attempt(client, "Tom@Example.com", "correct horse battery"))


def test_a_wrong_password_and_an_unknown_address_look_the_same(client, member):
    wrong, unknown = attempt(client, "tom@example.com", "wrong"), attempt(client, "nobody@example.com", "wrong")
    assert wrong.context["form"].errors == unknown.context["form"].errors


def test_someone_who_was_switched_off_stays_out(client, member):
    User.objects.update(is_active=False)
    assert attempt(client, "tom@example.com", "correct horse battery").url == reverse("account_inactive")


def test_guessing_is_throttled_in_the_database_also_for_the_right_password(client, member):
    for _ in range(5):
        attempt(client, "tom@example.com", "wrong")
    refused = attempt(client, "tom@example.com", "correct horse battery")
    assert "Too many" in str(refused.context["form"].errors)
    assert CacheEntry.objects.filter(epoch="", key__contains="login_failed").exists()


def test_the_throttle_is_for_each_address(client, member, administrator):
    for _ in range(5):
        attempt(client, "tom@example.com", "wrong")
    assert is_signed_in(attempt(client, "amina@example.com", "correct horse battery"))


def test_there_is_no_sign_up(client, db):
    with pytest.raises(NoReverseMatch):
        reverse("account_signup")
    assert client.get("/account/signup/").status_code == 404


def test_a_forgotten_password_is_replaced_through_a_mailed_link(client, member, mailoutbox):
    client.post(RESET, {"email": "tom@example.com"})
    link = re.search(r"http://testserver(\S+)", mailoutbox[0].body).group(1)
    form = client.get(link, follow=True)
    passwords = {"password1": "a lamp beside the stairs", "password2": "a lamp beside the stairs"}
    client.post(form.redirect_chain[-1][0], passwords)
    client.logout()
    assert is_signed_in(attempt(client, "tom@example.com", "a lamp beside the stairs"))


def test_an_unknown_address_gets_the_same_answer_and_no_mail(client, member, mailoutbox):
    known, unknown = client.post(RESET, {"email": "tom@example.com"}), client.post(RESET, {"email": "x@example.com"})
    assert known.url == unknown.url
    assert [mail.to for mail in mailoutbox] == [["tom@example.com"]]


@pytest.mark.parametrize("password", ["short", "1234567890", "password1234", "tom@example.com"])
def test_weak_passwords_are_refused_with_the_reason_beside_the_field(signed_in, member, password):
    response = signed_in(member).post(
        reverse("account_change_password"),
        {"oldpassword": "correct horse battery", "password1": password, "password2": password},
    )
    assert response.context["form"].errors["password1"]


def test_a_changed_password_keeps_this_browser_and_ends_the_others(signed_in, member):
    here, elsewhere = signed_in(member), signed_in(member)
    here.post(
        reverse("account_change_password"),
        {
            "oldpassword": "correct horse battery",
            "password1": "a lamp beside the stairs",
            "password2": "a lamp beside the stairs",
        },
    )
    settings_page = reverse("accounts:settings")
    assert here.get(settings_page).status_code == 200
    assert elsewhere.get(settings_page).url.startswith(SIGN_IN)
