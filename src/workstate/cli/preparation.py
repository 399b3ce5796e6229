"""Makes a data directory ready to run on: tables, the first administrator, demo data.

Run by `workstate up` in a process of its own. What people should read goes to standard
error; who may sign in goes to standard output, as JSON. Running it again changes nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict, dataclass

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import Error as DatabaseError
from django.db import connection
from django.db.migrations.exceptions import InconsistentMigrationHistory
from django.db.migrations.executor import MigrationExecutor

from workstate.cli import EXIT_CANNOT, EXIT_OK

ADMINISTRATOR_EMAIL = "admin@example.com"
ORGANISATION_NAME = "My organisation"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """Who may sign in, by role; the password is known only when it was made just now."""

    people: list[tuple[str, str]]
    password: str | None


def main() -> int:
    """Prepare, and say what stands in the way in one line if something does."""
    options = _parser().parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workstate.project.settings")
    try:
        django.setup()
        migrate()
        sign_in = load_demo() if options.demo else ensure_administrator()
    except (ImproperlyConfigured, DatabaseError, InconsistentMigrationHistory) as error:
        print(f"workstate: {error} (`workstate doctor` explains more)", file=sys.stderr)
        return EXIT_CANNOT
    json.dump(asdict(sign_in), sys.stdout)
    return EXIT_OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", action="store_true")
    return parser


def migrate() -> None:
    """Apply the migrations that are missing; when none is, nothing is touched."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if plan:
        print(f"workstate: preparing the database, {len(plan)} migrations", file=sys.stderr)
        call_command("migrate", interactive=False, verbosity=0)


def ensure_administrator() -> SignIn:
    """Make the first administrator where there is nobody yet."""
    from workstate.apps.accounts.services import ensure_first_administrator

    email = os.environ.get("WORKSTATE_ADMIN_EMAIL") or ADMINISTRATOR_EMAIL
    first = ensure_first_administrator(email=email, organisation_name=ORGANISATION_NAME)
    if first is None:
        return SignIn(people=[], password=None)
    return SignIn(people=[("administrator", first.user.email)], password=first.password)


def load_demo() -> SignIn:
    """Load the demo's people, whose administrator is the first one, and what they did."""
    from workstate.apps.accounts.services import load_demo_people
    from workstate.apps.time_tracking.services.demo import load_demo_entries

    team = load_demo_people()
    load_demo_entries(organisation=team.organisation)
    return SignIn(
        people=[("administrator", team.administrator.email), *(("member", user.email) for user in team.members)],
        password=team.password,
    )


if __name__ == "__main__":
    sys.exit(main())
