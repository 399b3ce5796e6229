"""Makes the sample files in this folder: exports as Toggl Track and Clockify write them.

    python examples/imports/make_samples.py [--seed 2026] [--rows 5000] [--directory DIR]

The same seed makes the same bytes. The people are those of `workstate up --demo`, so an
administrator of the demo can import either file for the whole team. As in real exports
there are a few entries without any length (a start and a stop by mistake), a night shift
over each change of the clocks, commas, quotation marks and more than one script.
"""

# ruff: noqa: RUF001  dashes and signs as people type them

from __future__ import annotations

import argparse
import csv
import io
import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

SEED = 2026
ROWS = 5000
TOGGL_UNTIL = date(2026, 10, 30)
CLOCKIFY_UNTIL = date(2025, 11, 28)
ZONE = ZoneInfo("Europe/London")
NIGHTS_OF_CLOCK_CHANGES = {date(2025, 3, 29), date(2025, 10, 25), date(2026, 3, 28), date(2026, 10, 24)}

SATURDAY = 5
WORKING_HOURS = timedelta(hours=8)
SHARE_OF_WEEKEND_CALLS = 0.08
SHARE_OF_ABSENCES = 0.06
SHARE_OF_MISTAKES = 0.003
SHARE_AT_DESK = {"Planning": 0.6, "Heating": 0.15, "Electrical": 0.15}

PEOPLE = {
    "Amina Okafor": ("amina.okafor@northside.example", "Planning"),
    "Jonas Lindqvist": ("jonas.lindqvist@northside.example", "Planning"),
    "Priya Raman": ("priya.raman@northside.example", "Heating"),
    "Tom Whitfield": ("tom.whitfield@northside.example", "Electrical"),
}
CLIENTS = [
    "Harbour clinic",
    "Linden school",
    "Riverside care home",
    "Old mill offices",
    "Market hall",
    "Station depot",
    "Elm court flats",
    "Town library",
]
ROOMS = ["plant room", "second floor", "roof", "kitchen", "stairwell B", "ward 3", "basement", "gymnasium", "lift 2"]
PARTS = ["pump", "valve", "fan belt", "filter", "thermostat", "door closer", "luminaire", "contactor", "expansion tank"]


@dataclass(frozen=True)
class Work:
    project: str
    task: str
    tags: str
    billable: bool
    descriptions: tuple[str, ...]
    minutes: tuple[int, int]


SITE_WORK = [
    Work(
        "Quarterly inspections",
        "Boiler",
        "planned",
        True,
        ("Boiler check, {room}", "Flue gas reading, {room}"),
        (40, 110),
    ),
    Work(
        "Quarterly inspections",
        "Fire doors",
        "planned, safety",
        True,
        ("Fire doors, {room}", "Door closers re-tensioned"),
        (30, 90),
    ),
    Work(
        "Quarterly inspections",
        "Emergency lighting",
        "planned, safety",
        True,
        ("Emergency lights, 3 h discharge test", "Luminaire swapped, {room}"),
        (35, 120),
    ),
    Work(
        "Repairs",
        "",
        "unplanned",
        True,
        ('Replaced {part}, {room} – "rattling" again', "{part} leaking, {room}", "No heat in {room}: {part}"),
        (25, 150),
    ),
    Work(
        "Repairs",
        "Electrical",
        "unplanned",
        True,
        ("RCD trips, {room}", "Socket loose, {room}", "Fault finding, {room}; {part} dead"),
        (20, 140),
    ),
    Work(
        "Water hygiene",
        "Flushing",
        "planned, legionella",
        True,
        ("Outlets flushed & logged, {room}", "Temperatures taken: 22 outlets"),
        (30, 75),
    ),
    Work(
        "Heating renewal",
        "Installation",
        "project",
        True,
        ("Pipework, {room}", "Insulation – 14 m, {room}", "Commissioning with Åsa, {room}"),
        (80, 200),
    ),
]
DESK_WORK = [
    Work(
        "Office",
        "Planning",
        "",
        False,
        ("Week planning", "Rota for next week, holidays in", "Parts ordered ({part} × 4)"),
        (20, 70),
    ),
    Work(
        "Office",
        "Reports",
        "",
        False,
        ("Inspection reports", "Photos sorted and filed", "Quote: {part}, {room}"),
        (25, 90),
    ),
    Work("Office", "Meetings", "", False, ("Team stand-up", "Handover", "Call with the client"), (15, 45)),
    Work("Training", "", "", False, ("Working at height, refresher", "First aid", "הדרכה: כיבוי אש"), (60, 180)),
]
NIGHT_CALL = Work(
    "On call", "", "on call", True, ("Night call: alarm in {room}", "Night call: no hot water"), (60, 300)
)


@dataclass(frozen=True)
class Row:
    person: str
    client: str
    work: Work
    description: str
    start: datetime
    end: datetime

    @property
    def email(self) -> str:
        return PEOPLE[self.person][0]

    @property
    def length(self) -> str:
        seconds = int(self.hours * 3600 + 0.5)
        return f"{seconds // 3600:02}:{seconds % 3600 // 60:02}:{seconds % 60:02}"

    @property
    def hours(self) -> float:
        return (self.end.astimezone(UTC) - self.start.astimezone(UTC)).total_seconds() / 3600


def make_rows(generator: random.Random, count: int, until: date) -> list[Row]:
    """Return `count` rows of the team's work, newest last, the last of them on `until` at the latest."""
    rows: list[Row] = []
    day = until
    while len(rows) < count:
        for person in PEOPLE:
            rows += _day_of(generator, person, day)
        day -= timedelta(days=1)
    return sorted(rows, key=lambda row: (row.start, row.person))[-count:]


def _day_of(generator: random.Random, person: str, day: date) -> list[Row]:
    if day.weekday() >= SATURDAY:
        is_called = generator.random() < SHARE_OF_WEEKEND_CALLS or day in NIGHTS_OF_CLOCK_CHANGES
        return [_night(generator, person, day)] if is_called else []
    if generator.random() < SHARE_OF_ABSENCES:
        return []
    rows: list[Row] = []
    now = _at(day, time(7, 30)) + timedelta(minutes=generator.randrange(70))
    home = now + WORKING_HOURS
    while now < home:
        row = _piece(generator, person, now)
        rows.append(row)
        now = row.end + timedelta(minutes=generator.choice([0, 0, 5, 10, 25, 40]), seconds=generator.randrange(60))
        if generator.random() < SHARE_OF_MISTAKES:
            rows.append(Row(person, "", row.work, "", now, now))
    return rows


def _at(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, tzinfo=ZONE)


def _piece(generator: random.Random, person: str, start: datetime) -> Row:
    at_desk = generator.random() < SHARE_AT_DESK[PEOPLE[person][1]]
    work = generator.choice(DESK_WORK if at_desk else SITE_WORK)
    client = "" if at_desk else generator.choice(CLIENTS)
    return _row(generator, person, client, work, start)


def _night(generator: random.Random, person: str, day: date) -> Row:
    start = _at(day, time(22, 30)) + timedelta(minutes=generator.randrange(60))
    return _row(generator, person, generator.choice(CLIENTS), NIGHT_CALL, start)


def _row(generator: random.Random, person: str, client: str, work: Work, start: datetime) -> Row:
    text = generator.choice(work.descriptions)
    description = text.format(room=generator.choice(ROOMS), part=generator.choice(PARTS))
    length = timedelta(minutes=generator.randint(*work.minutes), seconds=generator.randrange(60))
    # Through UTC: a wall clock that changes in the night must not change how long the work took.
    end = (start.astimezone(UTC) + length).astimezone(ZONE)
    return Row(person, client, work, description[0].upper() + description[1:], start, end)


def write_toggl(rows: list[Row]) -> bytes:
    """Return the rows as Toggl Track's detailed report writes them."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = (
        "User,Email,Client,Project,Task,Description,Billable,Start date,Start time,End date,End time,Duration,Tags"
    )
    writer.writerow([*columns.split(","), "Amount (GBP)"])
    for row in rows:
        writer.writerow(
            [
                row.person,
                row.email,
                row.client,
                row.work.project,
                row.work.task,
                row.description,
                "Yes" if row.work.billable else "No",
                f"{row.start:%Y-%m-%d}",
                f"{row.start:%H:%M:%S}",
                f"{row.end:%Y-%m-%d}",
                f"{row.end:%H:%M:%S}",
                row.length,
                row.work.tags,
                f"{row.hours * 48:.2f}" if row.work.billable else "",
            ]
        )
    return text.getvalue().encode("utf-8-sig")


def write_clockify(rows: list[Row]) -> bytes:
    """Return the rows as Clockify's detailed report writes them, newest first, month first and with AM and PM."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
    columns = "Project,Client,Description,Task,User,Group,Email,Tags,Billable,Start Date,Start Time,End Date,End Time"
    amounts = ["Duration (h)", "Duration (decimal)", "Billable Rate (USD)", "Billable Amount (USD)"]
    writer.writerow([*columns.split(","), *amounts])
    for row in reversed(rows):
        rate = 55 if row.work.billable else 0
        writer.writerow(
            [
                row.work.project,
                row.client,
                row.description,
                row.work.task,
                row.person,
                PEOPLE[row.person][1],
                row.email,
                row.work.tags,
                "Yes" if row.work.billable else "No",
                f"{row.start:%m/%d/%Y}",
                f"{row.start:%I:%M:%S %p}",
                f"{row.end:%m/%d/%Y}",
                f"{row.end:%I:%M:%S %p}",
                row.length,
                f"{row.hours:.2f}",
                f"{rate:.2f}",
                f"{row.hours * rate:.2f}",
            ]
        )
    return text.getvalue().encode()


def make_samples(seed: int = SEED, rows: int = ROWS) -> dict[str, bytes]:
    """Return the sample files by name."""
    return {
        "toggl_track.csv": write_toggl(make_rows(random.Random(f"{seed} toggl"), rows, TOGGL_UNTIL)),
        "clockify.csv": write_clockify(make_rows(random.Random(f"{seed} clockify"), rows, CLOCKIFY_UNTIL)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--directory", type=Path, default=Path(__file__).parent)
    arguments = parser.parse_args()
    for name, content in make_samples(arguments.seed, arguments.rows).items():
        (arguments.directory / name).write_bytes(content)


if __name__ == "__main__":
    main()
