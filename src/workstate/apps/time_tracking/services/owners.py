"""Decides whose entry a row of an imported file becomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from workstate.apps.accounts.selectors import list_members
from workstate.apps.time_tracking.errors import UnreadableRowError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from workstate.apps.time_tracking.models import Import


@dataclass(frozen=True, slots=True, kw_only=True)
class RowOwners:
    """The rule for one import: own rows for everyone, rows of other members for administrators."""

    importer_id: int
    importer_email: str
    all_rows_are_mine: bool
    members: Mapping[str, int] | None

    @classmethod
    def of(cls, run: Import) -> Self:
        """Return the rule for this import; only an administrator's knows the other members."""
        members = list(list_members(organisation=run.organisation))
        administers = any(member.user_id == run.person_id and member.is_administrator for member in members)
        return cls(
            importer_id=run.person_id,
            importer_email=run.person.email.lower(),
            all_rows_are_mine=run.all_rows_are_mine,
            members={member.user.email.lower(): member.user_id for member in members} if administers else None,
        )

    def find(self, email: str) -> int:
        """Return the id of the person whose row it is; raises UnreadableRowError when nobody may be given it."""
        if self.all_rows_are_mine or email in {"", self.importer_email}:
            return self.importer_id
        if self.members is None:
            raise UnreadableRowError(f"Belongs to {email}: only an administrator imports for others.")
        if email not in self.members:
            raise UnreadableRowError(f"No member has the e-mail address {email}.")
        return self.members[email]
