"""Changes to people, organisations and their memberships."""

from workstate.apps.accounts.services.broadcasts import broadcast
from workstate.apps.accounts.services.demo import DemoPeople, load_demo_people
from workstate.apps.accounts.services.installation import FirstAdministrator, ensure_first_administrator
from workstate.apps.accounts.services.members import change_role, invite_member, remove_member
from workstate.apps.accounts.services.people import change_profile

__all__ = [
    "DemoPeople",
    "FirstAdministrator",
    "broadcast",
    "change_profile",
    "change_role",
    "ensure_first_administrator",
    "invite_member",
    "load_demo_people",
    "remove_member",
]
