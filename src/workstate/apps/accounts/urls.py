"""Addresses of the team and of one's settings."""

from django.urls import path

from workstate.apps.accounts import views

app_name = "accounts"

urlpatterns = [
    path("team/", views.team, name="team"),
    path("team/invite/", views.invite, name="invite"),
    path("team/<int:membership_id>/role/", views.change_role, name="change_role"),
    path("team/<int:membership_id>/sign-in-link/", views.make_sign_in_link, name="make_sign_in_link"),
    path("team/<int:membership_id>/remove/", views.remove_member, name="remove_member"),
    path("settings/", views.settings, name="settings"),
    path("organisations/<int:organisation_id>/choose/", views.choose_organisation, name="choose_organisation"),
]
