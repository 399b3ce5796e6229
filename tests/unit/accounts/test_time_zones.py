from zoneinfo import ZoneInfo

import pytest

from workstate.apps.accounts.time_zones import find_time_zone, list_time_zones


@pytest.mark.parametrize(
    ("typed", "zone"),
    [
        ("Europe/London", "Europe/London"),
        (" europe/london ", "Europe/London"),
        ("America/New York", "America/New_York"),
        ("utc", "UTC"),
        ("London", None),
        ("Europe/Atlantis", None),
        ("../../etc/passwd", None),
        ("", None),
    ],
)
def test_a_zone_is_found_as_people_write_it(typed, zone):
    assert find_time_zone(typed) == zone


def test_every_zone_on_the_list_can_be_used():
    assert all(ZoneInfo(name) for name in list_time_zones())
    assert "Europe/London" in list_time_zones()
