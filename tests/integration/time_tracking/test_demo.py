from __future__ import annotations

from itertools import pairwise

from workstate.apps.time_tracking.models import Project, TimeEntry
from workstate.apps.time_tracking.services.demo import load_demo_entries


def test_each_member_gets_two_weeks_that_do_not_overlap(organisation, person, administrator):
    load_demo_entries(organisation=organisation)
    for member in (person, administrator):
        entries = list(TimeEntry.objects.filter(person=member).order_by("started_at"))
        assert len(entries) > 30
        assert all(former.ended_at <= following.started_at for former, following in pairwise(entries))
        assert entries[-1].ended_at - entries[0].started_at
    assert Project.objects.count() == 5


def test_demo_loaded_again_changes_nothing(organisation, person):
    assert load_demo_entries(organisation=organisation)
    TimeEntry.objects.all()[0].delete()
    assert load_demo_entries(organisation=organisation) == 0


def test_demo_of_an_organisation_leaves_others_alone(organisation, person, stranger):
    load_demo_entries(organisation=organisation)
    assert not TimeEntry.objects.filter(person=stranger).exists()
