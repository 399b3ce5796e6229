import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from workstate.apps.accounts.models import Membership, User

ADMINISTRATOR = Membership.Role.ADMINISTRATOR
MANAGER = Membership.Role.MANAGER
MEMBER = Membership.Role.MEMBER

TEAM = reverse("accounts:team")
INVITE = reverse("accounts:invite")
CHANGES = ("accounts:change_role", "accounts:remove_member", "accounts:make_sign_in_link")


def find_link(response):
    found = re.search(r"http://testserver(/account/password/reset/\S+/)<", response.content.decode())
    assert found, response.content.decode()
    return found.group(1)


def invite(client, **fields):
    return client.post(INVITE, {"name": "Priya Raman", "email": "priya@example.com", "role": "member"} | fields)


def test_strangers_are_asked_to_sign_in_and_come_back(client, db):
    assert client.get(TEAM).url == f"{reverse('account_login')}?next={TEAM}"


def test_a_fragment_asked_for_without_a_session_sends_the_whole_page_to_the_sign_in(client, db):
    response = client.get(TEAM, headers={"HX-Request": "true"})
    assert response.headers["HX-Redirect"] == f"{reverse('account_login')}?next={TEAM}"


@pytest.mark.parametrize("role", [MEMBER, MANAGER])
def test_only_administrators_see_and_change_the_team(join, organisation, administrator, signed_in, role):
    client = signed_in(join(organisation, "someone@example.com", role))
    assert client.get(TEAM).status_code == 403
    assert invite(client).status_code == 403
    for change in CHANGES:
        assert client.post(reverse(change, args=[administrator.pk]), {"role": "member"}).status_code == 403
    administrator.refresh_from_db()
    assert administrator.role == ADMINISTRATOR


@pytest.mark.parametrize("change", CHANGES)
def test_members_of_another_organisation_do_not_exist(signed_in, administrator, stranger, change):
    response = signed_in(administrator).post(reverse(change, args=[stranger.pk]), {"role": "member"})
    assert response.status_code == 404
    stranger.refresh_from_db()
    assert stranger.role == ADMINISTRATOR


@pytest.mark.parametrize("change", [*CHANGES, "accounts:choose_organisation"])
def test_a_number_that_no_database_holds_is_not_found(signed_in, administrator, change):
    response = signed_in(administrator).post(reverse(change, args=[10**30]), {"role": "member"})
    assert response.status_code == 404


def test_the_team_is_listed_and_nobody_else(signed_in, administrator, member, stranger):
    page = signed_in(administrator).get(TEAM).content.decode()
    assert member.user.email in page
    assert stranger.user.email not in page


def test_an_invited_person_sets_a_password_through_a_link_that_works_once(
    signed_in, administrator, organisation, client
):
    link = find_link(invite(signed_in(administrator)))
    form = client.get(link, follow=True)
    passwords = {"password1": "a lamp beside the stairs", "password2": "a lamp beside the stairs"}
    arrived = client.post(form.redirect_chain[-1][0], passwords, follow=True)
    assert arrived.wsgi_request.user.email == "priya@example.com"
    assert arrived.wsgi_request.organisation == organisation
    client.logout()
    assert "no longer works" in client.get(link, follow=True).content.decode()


def test_an_invitation_is_mailed_when_mail_is_set_up(signed_in, administrator, settings, mailoutbox):
    settings.MAIL_IS_SET_UP = True
    link = find_link(invite(signed_in(administrator)))
    assert mailoutbox[0].to == ["priya@example.com"]
    assert link in mailoutbox[0].body


def test_an_invitation_stands_when_the_mail_server_is_away(signed_in, administrator, settings):
    settings.MAIL_IS_SET_UP = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    response = invite(signed_in(administrator))
    assert find_link(response)
    assert "Hand this link" in response.content.decode()


def test_nobody_is_invited_twice(signed_in, administrator, member):
    response = invite(signed_in(administrator), email=member.user.email.upper())
    assert response.status_code == 422
    assert "belongs to the team already" in response.content.decode()


def test_inviting_someone_of_another_organisation_gives_no_link_into_their_account(
    signed_in, administrator, stranger, organisation
):
    client = signed_in(administrator)
    assert invite(client, email=stranger.user.email).url == TEAM
    joined = Membership.objects.get(organisation=organisation, user=stranger.user)
    response = client.post(reverse("accounts:make_sign_in_link", args=[joined.pk]), follow=True)
    assert "/account/password/reset/" not in response.content.decode()
    assert "also belong to another organisation" in response.content.decode()


def test_inviting_someone_whom_another_organisation_invited_gives_no_link_either(signed_in, administrator, stranger):
    invite(signed_in(stranger))
    response = invite(signed_in(administrator))
    assert response.url == TEAM


def test_an_administrator_of_a_team_gets_no_link_to_someone_who_runs_the_installation(
    signed_in, join, organisation, administrator
):
    operator = join(organisation, "operator@example.com", ADMINISTRATOR)
    User.objects.filter(pk=operator.user_id).update(is_staff=True)
    response = signed_in(administrator).post(reverse("accounts:make_sign_in_link", args=[operator.pk]), follow=True)
    assert "/account/password/reset/" not in response.content.decode()
    assert "run this installation" in response.content.decode()


def test_a_larger_team_costs_no_more_queries(
    signed_in, join, organisation, administrator, django_assert_max_num_queries
):
    client = signed_in(administrator)
    client.get(TEAM)
    with CaptureQueriesContext(connection) as before:
        client.get(TEAM)
    for number in range(20):
        join(organisation, f"person{number}@example.com")
    with django_assert_max_num_queries(len(before)):
        client.get(TEAM)


def test_inviting_needs_an_address_a_name_and_a_role(signed_in, administrator):
    response = invite(signed_in(administrator), name="", email="priya", role="owner")
    assert response.status_code == 422
    assert set(response.context["form"].errors) == {"name", "email", "role"}
    assert not User.objects.filter(email="priya").exists()


def test_a_member_gets_another_role(signed_in, administrator, member):
    signed_in(administrator).post(reverse("accounts:change_role", args=[member.pk]), {"role": "manager"})
    member.refresh_from_db()
    assert member.role == MANAGER


def test_an_unknown_role_changes_nothing(signed_in, administrator, member):
    response = signed_in(administrator).post(
        reverse("accounts:change_role", args=[member.pk]), {"role": "owner"}, follow=True
    )
    assert "no such role" in response.content.decode()
    member.refresh_from_db()
    assert member.role == MEMBER


@pytest.mark.parametrize("change", ["accounts:change_role", "accounts:remove_member"])
def test_the_last_administrator_stays(signed_in, administrator, member, change):
    response = signed_in(administrator).post(reverse(change, args=[administrator.pk]), {"role": "member"}, follow=True)
    assert "last administrator" in response.content.decode()
    administrator.refresh_from_db()
    assert administrator.role == ADMINISTRATOR


def test_an_administrator_who_never_signed_in_does_not_count(signed_in, administrator):
    client = signed_in(administrator)
    invite(client, role="administrator")
    client.post(reverse("accounts:remove_member", args=[administrator.pk]))
    assert Membership.objects.filter(pk=administrator.pk).exists()


def test_someone_who_was_removed_is_told_so_at_the_next_page(signed_in, administrator, member):
    browser = signed_in(member)
    signed_in(administrator).post(reverse("accounts:remove_member", args=[member.pk]))
    response = browser.get(TEAM)
    assert response.status_code == 403
    assert "You belong to no team" in response.content.decode()
    assert browser.get(reverse("accounts:settings")).status_code == 200
