"""Hosts that are cut off: of two workers and a publisher, and of who waits for the database."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import psycopg
import pytest
from chaos.servers import PostgreSQLServer, RedisServer

from workbench.deployment import CELERY, Deployment
from workbench.hosts import Host, HostsUnavailableError, network_of
from workbench.lanes import Address, migrate
from workbench.outages import assert_each_ended_once, tell
from workbench.processes import Process, Worker
from workbench.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

pytestmark = [pytest.mark.redis, pytest.mark.postgresql, pytest.mark.timeout(400)]

RESCUED_WITHIN_SECONDS = 30
MARGIN_SECONDS = 15  # for a busy machine
BACK_WITHIN_SECONDS = 150  # TCP tries ever more rarely while the line is dead
SOON_SECONDS = 60
NOTICED_WITHIN_SECONDS = 60  # the promise is 15; a kernel that nobody asked would wait 15 minutes, or two hours

ASK = """
import sys
import django

django.setup()
from workstate.core.jobs.connections import private_connection

with private_connection("default").cursor() as cursor:
    cursor.execute("SELECT 1")
    print("connected", flush=True)
    sys.stdin.readline()
    try:
        cursor.execute(sys.argv[1])
    except django.db.OperationalError as error:
        print("away:", error)
"""


class SharedRedis(RedisServer):
    """A Redis that other hosts reach."""

    def command(self) -> Sequence[str]:
        return [*super().command(), "--bind", "*", "--protected-mode", "no"]


class SharedPostgreSQL(PostgreSQLServer):
    """A PostgreSQL that other hosts reach."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        with (self._data / "pg_hba.conf").open("a") as rules:
            rules.write("host all all 10.0.0.0/8 trust\n")

    def command(self) -> Sequence[str]:
        return [*super().command(), "-c", "listen_addresses=*"]


class Spread(Deployment):
    """A deployment whose processes run on hosts of their own."""

    host: Host

    def start(self, name: str, *command: str, inherited: tuple[int, ...] = (), **settings: str) -> Process:
        return super().start(name, *self.host.prefix, *command, inherited=inherited, **settings)

    def start_worker_on(self, host: Host) -> Worker:
        command = [*host.prefix, *CELERY, "worker", "-l", "INFO", "-c", "2", "-n", f"worker@{host.name}"]
        worker = Worker(
            host.name,
            [*command, "--without-mingle"],
            pool="prefork",
            environment=self.environment,
            directory=self.directory,
        )
        self.processes.append(worker)
        worker.wait_ready(SOON_SECONDS)
        return worker


@pytest.fixture
def network() -> Iterator[tuple[str, list[Host]]]:
    try:
        with network_of(3) as network:
            yield network
    except HostsUnavailableError as error:
        if os.environ.get("CI") and os.geteuid() == 0:
            raise
        pytest.skip(str(error))


@pytest.fixture
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SharedPostgreSQL]:
    directory = tmp_path_factory.mktemp("shared")
    for folder in (directory, *directory.parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            folder.chmod(0o755)  # the server's user has to get there
    server = SharedPostgreSQL(directory / "postgresql")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def spread(
    network: tuple[str, list[Host]], database: SharedPostgreSQL, tmp_path: Path
) -> Iterator[tuple[Spread, list[Host]]]:
    here, hosts = network
    redis = SharedRedis(tmp_path / "redis")
    redis.start()
    address = Address(
        broker_url=redis.url().replace("127.0.0.1", here), database_url=database.url().replace("127.0.0.1", here)
    )
    migrate(address)
    (tmp_path / "deployment").mkdir()
    deployment = Spread(address, tmp_path / "deployment")
    deployment.host = hosts[-1]
    try:
        deployment.celery.endings.watch()
        yield deployment, hosts
    finally:
        deployment.close()
        redis.stop()


def leases_of(database: SharedPostgreSQL, host: Host) -> int:
    with psycopg.connect(database.url()) as connection:
        row = connection.execute("SELECT count(*) FROM workstate_process WHERE name = %s", [f"worker@{host.name}"])
        return row.fetchone()[0]


def test_jobs_of_a_host_that_is_cut_off_run_on_another_and_end_once(
    spread: tuple[Spread, list[Host]], database: SharedPostgreSQL
) -> None:
    deployment, (cut, other, _) = spread
    stale = deployment.start_worker_on(cut)
    held = [deployment.celery.tasks.hold.delay("held").id for _ in range(2)]
    deployment.wait_for_effects("held", 2, timeout=SOON_SECONDS)
    survivor = deployment.start_worker_on(other)

    cut.cut_off()
    cut_at = time.monotonic()
    meanwhile = tell(deployment, "meanwhile", 10)
    deployment.wait_for_effects("held", 4, timeout=RESCUED_WITHIN_SECONDS + MARGIN_SECONDS)
    assert time.monotonic() - cut_at < RESCUED_WITHIN_SECONDS + MARGIN_SECONDS
    deployment.open_gate("held")
    deployment.wait_for_effects("held done", 4, timeout=SOON_SECONDS)  # the stale worker's two, too
    assert_each_ended_once(deployment, held + meanwhile)
    assert {deployment.celery.job(task_id)["attempt"] for task_id in held} == {2}

    cut.heal()
    wait_until(lambda: leases_of(database, cut) == 2, timeout=BACK_WITHIN_SECONDS)
    assert survivor.stop() == 0
    later = tell(deployment, "later", 10)
    deployment.wait_for_effects("later", 10, timeout=BACK_WITHIN_SECONDS)

    assert stale.returncode is None
    assert_each_ended_once(deployment, held + meanwhile + later)


@pytest.mark.parametrize("waits_already", [False, True], ids=["statement is lost", "answer is lost"])
def test_database_whose_host_is_cut_off_is_away_within_seconds(
    network: tuple[str, list[Host]], database: SharedPostgreSQL, waits_already: bool
) -> None:
    here, [host, *_] = network
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "workstate.project.settings",
        "DATABASE_URL": database.url().replace("127.0.0.1", here),
    }
    with subprocess.Popen(
        [*host.prefix, sys.executable, "-c", ASK, "SELECT pg_sleep(3600)"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as asking:
        assert asking.stdout.readline() == "connected\n"
        if not waits_already:
            host.cut_off()
        asking.stdin.write("\n")
        asking.stdin.flush()
        if waits_already:
            wait_until(lambda: is_asked(database))
            host.cut_off()
        try:
            heard, _ = asking.communicate(timeout=NOTICED_WITHIN_SECONDS)
        finally:
            asking.kill()
    assert heard.startswith("away:")


def is_asked(database: SharedPostgreSQL) -> bool:
    with psycopg.connect(database.url()) as connection:
        return bool(connection.execute("SELECT 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%'").fetchone())
