"""Pages about the team and about oneself; signing in and out is django-allauth's."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from workstate.apps.accounts import selectors, services, sign_in_links
from workstate.apps.accounts.access import MemberRequest, administrator_required
from workstate.apps.accounts.errors import AccountsError, AlreadyMemberError
from workstate.apps.accounts.forms import InvitationForm, ProfileForm, RoleForm
from workstate.apps.accounts.middleware import ORGANISATION_SESSION_KEY, membership_not_required
from workstate.apps.accounts.models import Membership
from workstate.apps.accounts.time_zones import list_time_zones


@require_safe
@login_not_required
def home(request: HttpRequest) -> HttpResponse:
    """Send people to their time, strangers to the sign-in."""
    return redirect("time_tracking:timer" if request.user.is_authenticated else "account_login")


@require_safe
@administrator_required
def team(request: MemberRequest) -> HttpResponse:
    """Show who belongs to the organisation, and what they may do."""
    members = selectors.list_members(organisation=request.organisation)
    return render(request, "accounts/team.html", {"members": members, "roles": Membership.Role.choices})


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@administrator_required
def invite(request: MemberRequest) -> HttpResponse:
    """Invite a person, and show the link that lets a new one in."""
    form = InvitationForm(request.POST or None)
    if form.is_valid():
        try:
            membership = services.invite_member(organisation=request.organisation, **form.cleaned_data)
        except AlreadyMemberError as error:
            form.add_error("email", str(error))
        else:
            return _welcome(request, membership)
    return render(request, "accounts/invite.html", {"form": form}, status=422 if form.errors else 200)


@never_cache
@require_POST
@administrator_required
def make_sign_in_link(request: MemberRequest, membership_id: int) -> HttpResponse:
    """Show a new link for a member who never signed in or forgot their password."""
    membership = _get_member(request, membership_id)
    try:
        return _render_link(request, membership)
    except AccountsError as error:
        messages.error(request, str(error))
    return redirect("accounts:team")


@require_POST
@administrator_required
def change_role(request: MemberRequest, membership_id: int) -> HttpResponse:
    """Give a member another role."""
    membership = _get_member(request, membership_id)
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, "There is no such role.")
        return redirect("accounts:team")
    try:
        changed = services.change_role(membership=membership, role=form.cleaned_data["role"])
    except AccountsError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Role of {changed.user}: {changed.get_role_display()}.")
    return redirect("accounts:team")


@require_POST
@administrator_required
def remove_member(request: MemberRequest, membership_id: int) -> HttpResponse:
    """Take a member out of the team."""
    membership = _get_member(request, membership_id)
    try:
        services.remove_member(membership=membership)
    except AccountsError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"{membership.user} is no longer in the team.")
    return redirect("accounts:team")


@require_http_methods(["GET", "HEAD", "POST"])
@membership_not_required
def settings(request: MemberRequest) -> HttpResponse:
    """Let a person change their name and time zone."""
    form = ProfileForm(request.POST or None, instance=request.user)
    if form.is_valid():
        services.change_profile(user=request.user, **form.cleaned_data)
        messages.success(request, "Saved.")
        return redirect("accounts:settings")
    context = {
        "form": form,
        "time_zones": list_time_zones(),
        "organisations": selectors.list_organisations(user=request.user),
    }
    return render(request, "accounts/settings.html", context, status=422 if form.errors else 200)


@require_POST
def choose_organisation(request: MemberRequest, organisation_id: int) -> HttpResponse:
    """Work in another of the person's organisations from now on."""
    if not selectors.list_organisations(user=request.user).filter(pk=organisation_id).exists():
        raise Http404
    request.session[ORGANISATION_SESSION_KEY] = organisation_id
    return redirect("home")


def _get_member(request: MemberRequest, membership_id: int) -> Membership:
    try:
        return selectors.get_member(organisation=request.organisation, membership_id=membership_id)
    except Membership.DoesNotExist as error:
        raise Http404 from error


def _welcome(request: MemberRequest, membership: Membership) -> HttpResponse:
    if membership.user.has_usable_password() or selectors.belongs_elsewhere(membership=membership):
        messages.success(request, f"{membership.user} is in the team, and signs in as before.")
        return redirect("accounts:team")
    return _render_link(request, membership)


def _render_link(request: MemberRequest, membership: Membership) -> HttpResponse:
    link = sign_in_links.make_sign_in_link(membership=membership, request=request)
    was_mailed = sign_in_links.mail_sign_in_link(membership=membership, link=link)
    return render(request, "accounts/sign_in_link.html", {"member": membership, "link": link, "was_mailed": was_mailed})
