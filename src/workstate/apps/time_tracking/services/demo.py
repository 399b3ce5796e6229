"""Two weeks of a service team's work, for trying the product out."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from workstate.apps.accounts.selectors import list_members
from workstate.apps.time_tracking.days import day_of, zone_of
from workstate.apps.time_tracking.local_times import moments_or_shifted
from workstate.apps.time_tracking.models import Project, TimeEntry, project_name_key
from workstate.apps.time_tracking.services.projects import ensure_projects

if TYPE_CHECKING:
    from collections.abc import Iterator
    from zoneinfo import ZoneInfo

    from workstate.apps.accounts.models import Organisation, User

DAYS = 14
SATURDAY = 5
FIRST_START = time(7, 40)
LAST_START = timedelta(hours=8)
FINGERPRINT = "demo:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """Something that the demo's people do, and how many minutes it takes them."""

    project: str
    descriptions: tuple[str, ...]
    minutes: tuple[int, int]


WORK = (
    Work(
        project="Quarterly inspections (Harbour clinic)",
        descriptions=("Boiler check, plant room", "Fire doors, second floor", "Emergency lights, 3 h discharge test"),
        minutes=(40, 110),
    ),
    Work(
        project="Water hygiene (Riverside care home)",
        descriptions=("Outlets flushed and logged, ward 3", "Temperatures taken: 22 outlets"),
        minutes=(30, 75),
    ),
    Work(
        project="Repairs (Linden school)",
        descriptions=("No heat in the gymnasium: pump", "Door closer replaced, stairwell B", "RCD trips, kitchen"),
        minutes=(25, 120),
    ),
    Work(
        project="Heating renewal (Old mill offices)",
        descriptions=("Pipework, basement", "Insulation, 14 m", "Commissioning, first circuit"),
        minutes=(80, 180),
    ),
    Work(
        project="Office",
        descriptions=("Week planning", "Inspection reports", "Parts ordered", "Team stand-up"),
        minutes=(15, 60),
    ),
)


@transaction.atomic(durable=True)
def load_demo_entries(*, organisation: Organisation) -> int:
    """Give each member of the organisation two weeks of entries, once; return how many were added.

    Who has demo entries already keeps them as they are, however they were changed since.
    """
    projects = ensure_projects(organisation, [work.project for work in WORK])
    now = timezone.now()
    added = 0
    for member in list_members(organisation=organisation):
        demo = TimeEntry.objects.filter(organisation=organisation, person=member.user)
        if not demo.filter(fingerprint__startswith=FINGERPRINT).exists():
            added += len(TimeEntry.objects.bulk_create(_entries_of(member.user, organisation, projects, now)))
    return added


def _entries_of(
    person: User, organisation: Organisation, projects: dict[str, Project], now: datetime
) -> list[TimeEntry]:
    zone = zone_of(person.time_zone)
    generator = random.Random(person.email)  # noqa: S311  nothing secret: the same person always did the same
    today = day_of(now, zone)
    days = [today - timedelta(days=ago) for ago in range(DAYS, -1, -1)]
    pieces = [piece for day in days if day.weekday() < SATURDAY for piece in _pieces_of(generator, day, zone)]
    return [
        TimeEntry(
            person=person,
            organisation=organisation,
            project=projects[project_name_key(work.project)],
            description=generator.choice(work.descriptions),
            started_at=started_at,
            ended_at=ended_at,
            fingerprint=f"{FINGERPRINT}{started_at:%Y-%m-%dT%H:%M:%S}",
        )
        for work, started_at, ended_at in pieces
        if ended_at < now
    ]


def _pieces_of(generator: random.Random, day: date, zone: ZoneInfo) -> Iterator[tuple[Work, datetime, datetime]]:
    opening = moments_or_shifted(datetime.combine(day, FIRST_START), zone)[0]
    start = opening + timedelta(minutes=generator.randrange(45))
    while start < opening + LAST_START:
        work = generator.choice(WORK)
        end = start + timedelta(minutes=generator.randint(*work.minutes), seconds=generator.randrange(60))
        yield work, start, end
        start = end + timedelta(minutes=generator.choice([0, 0, 5, 15, 40]))
