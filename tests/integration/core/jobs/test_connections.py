"""A connection of Workstate's own gives up on a server that has fallen silent, as soon as the project says."""

from __future__ import annotations

import pytest
from django.db import connections

from workstate.core.jobs.connections import private_connection
from workstate.core.wakeup.postgresql import connect

pytestmark = pytest.mark.parametrize(
    "database", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True
)


def time_outs(connection):
    parameters = connection.info.get_parameters()
    return {name: parameters.get(name) for name in ("keepalives_idle", "keepalives_interval", "tcp_user_timeout")}


def test_private_connection_waits_for_seconds_and_django_s_own_as_the_project_says(database):
    private = private_connection("default")
    private.ensure_connection()
    own = connections["default"]
    own.ensure_connection()

    expected = {"keepalives_idle": "5", "keepalives_interval": "2", "tcp_user_timeout": "10000"}
    assert time_outs(private.connection) == expected
    assert own.settings_dict["OPTIONS"] == {}
    assert not expected.items() & time_outs(own.connection).items()
    with connect(own.get_connection_params()) as listening:
        assert time_outs(listening) == expected


def test_time_out_that_the_project_has_set_stays(database, monkeypatch):
    settings = connections["default"].settings_dict
    monkeypatch.setitem(settings, "OPTIONS", {"tcp_user_timeout": 60_000})
    private = private_connection("default")
    private.ensure_connection()

    assert time_outs(private.connection)["tcp_user_timeout"] == "60000"
    assert time_outs(private.connection)["keepalives_idle"] == "5"
