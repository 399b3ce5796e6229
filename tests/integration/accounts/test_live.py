import pytest
from django.urls import reverse

from workstate.apps.accounts import services
from workstate.apps.accounts.models import Membership
from workstate.core import live
from workstate.core.live.authorisation import may_follow


def test_an_organisation_is_followed_by_its_members_alone(member, stranger):
    stream = f"organisation:{member.organisation_id}"
    assert may_follow(member.user, stream)
    assert not may_follow(stranger.user, stream)


@pytest.mark.parametrize("stream_id", ["", "0", "x", "-1", "1 or 1=1", "\u0661", "9" * 30])
def test_a_stream_of_no_organisation_is_followed_by_nobody(member, stream_id):
    assert not may_follow(member.user, f"organisation:{stream_id}")


def change_role(membership, client):
    services.change_role(membership=membership, role=Membership.Role.MANAGER)


def remove(membership, client):
    services.remove_member(membership=membership)


def change_password(membership, client):
    new = "a lamp beside the stairs"
    passwords = {"oldpassword": "correct horse battery", "password1": new, "password2": new}
    client.post(reverse("account_change_password"), passwords)


@pytest.mark.parametrize("change", [change_role, remove, change_password])
def test_open_sockets_are_told_that_rights_have_changed(member, signed_in, change):
    before = live.position(f"user:{member.user_id}")
    change(member, signed_in(member))
    events = live.read_since(f"user:{member.user_id}", before).events
    assert [event.type for event in events] == ["rights.changed"]
