"""The page of events and metrics names all that there are, with their levels, fields and labels."""

from __future__ import annotations

import logging
from dataclasses import fields

import pytest

from documents import REPOSITORY, table_rows
from workstate.core.telemetry.collector import Collector
from workstate.core.telemetry.event import events_by_name

PAGE = REPOSITORY / "docs" / "reference" / "telemetry.md"


def names(cell: str) -> list[str]:
    return [name.strip("`") for name in cell.split(", ") if name.startswith("`")]


def test_every_event_is_described_as_it_is():
    described = {names(row[0])[0]: (row[1], names(row[2])) for row in table_rows(PAGE, "## Events")}
    levels = {None: "not logged"} | {level: logging.getLevelName(level).lower() for level in (20, 30, 40)}
    assert described == {
        name: (levels[kind.level], [field.name for field in fields(kind)]) for name, kind in events_by_name.items()
    }


@pytest.mark.django_db
def test_every_metric_is_described_as_it_is():
    described = {names(row[0])[0]: (row[1], names(row[2])) for row in table_rows(PAGE, "## Metrics")}
    found = {
        f"{metric.name}_total" if metric.type == "counter" else metric.name: metric for metric in Collector().collect()
    }
    assert {name: kind for name, (kind, _) in described.items()} == {name: m.type for name, m in found.items()}
    labels = {name: list(metric._labelnames) for name, metric in found.items() if hasattr(metric, "_labelnames")}
    assert {name: of_it for name, (_, of_it) in described.items() if name in labels} == labels
