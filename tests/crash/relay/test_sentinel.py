"""The master of a guarded Redis is killed: its replica takes over, and so do worker and publishers, by themselves."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import redis
from chaos.servers import RedisServer

from workbench.marks import EMBEDDED_LANES
from workbench.outages import SOON_SECONDS, assert_each_ended_once, deployed, tell, wait_until_back_on
from workbench.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from workbench.lanes import Lane
    from workbench.plugin import Workbench

pytestmark = [
    pytest.mark.redis,
    pytest.mark.parametrize("lane", EMBEDDED_LANES, indirect=True),
    pytest.mark.timeout(300),
]

MASTER_NAME = "guarded"
CONFIGURATION = f"""
port {{port}}
bind 127.0.0.1
sentinel monitor {MASTER_NAME} 127.0.0.1 {{master}} 1
sentinel down-after-milliseconds {MASTER_NAME} 1000
sentinel failover-timeout {MASTER_NAME} 5000
"""


class Replica(RedisServer):
    """A Redis that follows another."""

    def __init__(self, directory: Path, master: RedisServer) -> None:
        super().__init__(directory)
        self._master = master

    def command(self) -> Sequence[str]:
        return [*super().command(), "--replicaof", f"127.0.0.1 {self._master.port}"]

    def is_in_step(self) -> bool:
        with self._client() as client:
            return client.info("replication")["master_link_status"] == "up"


class Sentinel(RedisServer):
    """A guard that makes a replica the master when the master is gone for a second."""

    def __init__(self, directory: Path, master: RedisServer) -> None:
        super().__init__(directory)
        self._configuration = directory / "sentinel.conf"
        self._configuration.write_text(CONFIGURATION.format(port=self.port, master=master.port))

    def url(self, port: int | None = None) -> str:
        return f"sentinel://127.0.0.1:{port or self.port}/0"

    def command(self) -> Sequence[str]:
        program, *_ = super().command()
        return [program, str(self._configuration), "--sentinel"]

    def knows(self, replica: RedisServer) -> bool:
        with self._client() as client:
            return [int(known["port"]) for known in client.sentinel_slaves(MASTER_NAME)] == [replica.port]

    def follows(self, server: RedisServer) -> bool:
        with self._client() as client:
            return client.sentinel_get_master_addr_by_name(MASTER_NAME)[1] == server.port


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[tuple[RedisServer, Replica, Sentinel]]:
    master = RedisServer(tmp_path / "master")
    replica = Replica(tmp_path / "replica", master)
    sentinel = Sentinel(tmp_path / "sentinel", master)
    for server in (master, replica, sentinel):
        server.start()
    wait_until(replica.is_in_step, timeout=SOON_SECONDS)
    wait_until(lambda: sentinel.knows(replica), timeout=SOON_SECONDS)
    yield master, replica, sentinel
    for server in (sentinel, replica, master):
        server.stop()


def test_workers_and_publishers_follow_to_the_new_master(
    workbench: Workbench, lane: Lane, servers: tuple[RedisServer, Replica, Sentinel], tmp_path: Path
) -> None:
    master, replica, sentinel = servers
    options = json.dumps({"master_name": MASTER_NAME})
    with deployed(lane, tmp_path / "deployment", sentinel.url(), BROKER_TRANSPORT_OPTIONS=options) as deployment:
        worker = deployment.start_worker()
        task_ids = tell(deployment, "before", 10)
        deployment.wait_for_effects("before", 10, timeout=SOON_SECONDS)

        master.kill()
        task_ids += tell(deployment, "during", 20)
        deployment.wait_for_effects("during", 20, timeout=SOON_SECONDS)
        wait_until(lambda: sentinel.follows(replica), timeout=SOON_SECONDS)
        wait_until_back_on("sentinel", deployment)
        task_ids += tell(deployment, "after", 10)
        deployment.wait_for_effects("after", 10, timeout=SOON_SECONDS)

        assert worker.returncode is None
        probes = [task_id for task_id, _ in deployment.celery.endings.noted() if task_id not in task_ids]
        assert_each_ended_once(deployment, task_ids + probes)
        assert "Traceback" not in worker.log()
        with redis.Redis(port=replica.port) as client:
            assert client.info("clients")["connected_clients"] > 3, "The worker and the publisher are there."
