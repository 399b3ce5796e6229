"""The fixtures: lanes, fresh deployments, and standing ones that many tests share."""

from __future__ import annotations

import itertools
import os
import signal
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from workbench.deployment import Deployment
from workbench.lanes import LANES, Lane, LaneUnavailableError
from workbench.marks import ALL_LANES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POOLS = ("prefork", "threads", "solo")


class Workbench:
    """All that the session has running: lanes that were opened, deployments that stand."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._lanes: dict[str, Lane] = {}
        self._standing: dict[tuple[str, str], Deployment] = {}
        self._numbers = itertools.count(1)
        self._exits = ExitStack()

    def lane(self, name: str) -> Lane:
        """Open the lane, once in the session."""
        if name not in self._lanes:
            self._lanes[name] = LANES[name](self._directory)
            self._exits.callback(self._lanes[name].close)
        return self._lanes[name]

    def standing_deployment(self, lane: Lane, pool: str) -> Deployment:
        """A deployment with one running worker, shared by all tests that leave it as it was."""
        if (lane.name, pool) not in self._standing:
            deployment = self._exits.enter_context(self.fresh_deployment(lane))
            deployment.start_worker(pool=pool)
            self._standing[lane.name, pool] = deployment
        return self._standing[lane.name, pool]

    @contextmanager
    def fresh_deployment(self, lane: Lane) -> Iterator[Deployment]:
        """A deployment that nobody has used."""
        directory = self._directory / f"deployment-{next(self._numbers)}"
        directory.mkdir()
        with lane.fresh_address() as address:
            deployment = Deployment(address, directory)
            try:
                yield deployment
            finally:
                deployment.close()

    def close(self) -> None:
        """End and remove all of it."""
        self._exits.close()


def pytest_configure() -> None:
    """Let a session that is asked to end (TERM) end its processes first, as with Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.fixture(scope="session")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    bench = Workbench(tmp_path_factory.mktemp("workbench"))
    yield bench
    bench.close()


@pytest.fixture(params=ALL_LANES)
def lane(request: pytest.FixtureRequest, workbench: Workbench) -> Lane:
    """Who carries the messages; a lane whose service is away skips on a laptop and fails in CI."""
    try:
        return workbench.lane(request.param)
    except LaneUnavailableError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.fixture
def deployment(workbench: Workbench, lane: Lane) -> Iterator[Deployment]:
    """A deployment of the test's own, without a worker."""
    with workbench.fresh_deployment(lane) as deployment:
        yield deployment


@pytest.fixture
def standing(workbench: Workbench, lane: Lane) -> Deployment:
    """The shared deployment with a prefork worker."""
    return workbench.standing_deployment(lane, "prefork")


@pytest.fixture(params=POOLS)
def any_pool(request: pytest.FixtureRequest, workbench: Workbench, lane: Lane) -> Deployment:
    """The shared deployment with a worker of each pool in turn."""
    return workbench.standing_deployment(lane, request.param)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[Any]) -> Iterator[Any]:
    """Show the logs of a failing test's processes."""
    report = yield
    if report.failed:
        for value in getattr(item, "funcargs", {}).values():
            if isinstance(value, Deployment):
                report.sections.extend(value.logs())
    return report
