from django.urls import reverse

from workstate.apps.accounts.models import Membership

SETTINGS = reverse("accounts:settings")


def test_a_person_changes_their_name_and_zone(signed_in, member):
    signed_in(member).post(SETTINGS, {"first_name": "Tom", "last_name": "Whitfield", "time_zone": "Asia/Tokyo"})
    member.user.refresh_from_db()
    assert (str(member.user), member.user.time_zone) == ("Tom Whitfield", "Asia/Tokyo")


def test_a_zone_that_does_not_exist_is_refused_and_what_was_typed_stays(signed_in, member):
    response = signed_in(member).post(SETTINGS, {"first_name": "Tom", "time_zone": "Europe/Atlantis"})
    assert response.status_code == 422
    assert response.context["form"].errors.keys() == {"time_zone"}
    assert 'value="Tom"' in response.content.decode()
    member.user.refresh_from_db()
    assert member.user.time_zone == "UTC"


def test_times_are_shown_in_the_zone_of_the_person(signed_in, administrator):
    administrator.user.time_zone = "Asia/Tokyo"
    administrator.user.save()
    response = signed_in(administrator).get(reverse("accounts:team"))
    assert "+09:00" in response.content.decode()


def test_a_person_of_two_organisations_chooses_where_to_work(signed_in, administrator, other_organisation):
    Membership.objects.create(organisation=other_organisation, user=administrator.user)
    client = signed_in(administrator)
    before = client.get(SETTINGS).wsgi_request.organisation
    client.post(reverse("accounts:choose_organisation", args=[other_organisation.pk]))
    after = client.get(SETTINGS).wsgi_request.organisation
    assert (before, after) == (administrator.organisation, other_organisation)


def test_nobody_works_in_an_organisation_that_they_do_not_belong_to(signed_in, member, stranger):
    client = signed_in(member)
    response = client.post(reverse("accounts:choose_organisation", args=[stranger.organisation_id]))
    assert response.status_code == 404
    assert client.get(SETTINGS).wsgi_request.organisation == member.organisation
