"""What people type about themselves and their team."""

from __future__ import annotations

from typing import ClassVar

from django import forms

from workstate.apps.accounts.models import Membership, User
from workstate.apps.accounts.time_zones import find_time_zone


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]  # Django has no type parameter at runtime
    """A person about themselves."""

    time_zone = forms.CharField(
        max_length=64,
        help_text="Your days and weeks begin and end in this zone. Type the nearest large city.",
        widget=forms.TextInput(attrs={"list": "time-zones", "autocomplete": "off"}),
    )

    class Meta:
        model = User
        fields: ClassVar = ["first_name", "last_name", "time_zone"]

    def clean_time_zone(self) -> str:
        """Return the zone's exact name."""
        zone = find_time_zone(self.cleaned_data["time_zone"])
        if zone is None:
            raise forms.ValidationError("There is no such zone. Choose one from the list, such as Europe/London.")
        return zone


class InvitationForm(forms.Form):
    """An administrator about a new member."""

    name = forms.CharField(max_length=150, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    email = forms.EmailField(label="E-mail address", widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    role = forms.TypedChoiceField(choices=Membership.Role.choices, coerce=Membership.Role)


class RoleForm(forms.Form):
    """An administrator about a member's role."""

    role = forms.TypedChoiceField(choices=Membership.Role.choices, coerce=Membership.Role)
