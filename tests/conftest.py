"""Fixtures that several kinds of tests share live in plugins under `support/`."""

from __future__ import annotations

import pytest

pytest_plugins = ["real_databases", "redis_servers", "workbench.plugin"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep together, in one of the processes that run tests, what shares costly fixtures: a lane's, or a file's."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_shared_by(item)))


def _shared_by(item: pytest.Item) -> str:
    if "browser" in item.keywords:
        return "browser"
    lane = item.callspec.params.get("lane") if hasattr(item, "callspec") else None
    return lane or item.nodeid.partition("::")[0]
