"""One Redis server as this process sees it: whether it is there, which run of it, and who asks."""

from __future__ import annotations

import logging
import os
import threading
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.db import Error as DatabaseError
from redis import ConnectionPool, Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from workstate.core.cache.errors import UnsettledError
from workstate.core.health.breaker import Breaker
from workstate.core.telemetry.catalogue import CacheLost, CacheReturned
from workstate.core.wakeup.outage import Outage

if TYPE_CHECKING:
    from workstate.core.cache.gate import Gate

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 0.2
"""For a connection, and for each answer: a first call costs at most two of them."""
PROBE_SECONDS = 1.0
PROBE_KEY = "workstate:probe"
STOP_PATIENCE_SECONDS = 3.0


class Link:
    """A Redis server and the gates of the caches that are in it."""

    def __init__(self, address: str) -> None:
        self.breaker = Breaker(address, Outage(f"The cache's Redis {address}", CacheLost, CacheReturned))
        self.server = ""
        """Which run of Redis answered the newest connection; empty before the first."""
        self._clients: dict[str, Redis] = {}
        self._gates: list[Gate] = []
        self._lock = threading.Lock()
        self._prober: threading.Thread | None = None
        self._stopping = threading.Event()

    def client_for(self, url: str) -> Redis:
        """Return the client of one of the server's databases; its connections say who answers before they are used."""
        with self._lock:
            if url not in self._clients:
                self._clients[url] = Redis(connection_pool=_pool(url, self._greet))
            return self._clients[url]

    def attach(self, gate: Gate) -> None:
        """Have the prober bring this gate's cache back."""
        self._gates.append(gate)

    def lose(self, error: RedisError) -> None:
        """Open the breaker, and probe from now on."""
        self.breaker.trip(error)
        self.probe()

    def probe(self) -> None:
        """Ask the server each second, in a thread, until it answers and carries its caches."""
        if self._prober is None:
            with self._lock:
                if self._prober is None and not self._stopping.is_set():
                    self._prober = threading.Thread(target=self._run, name="workstate-cache-prober", daemon=True)
                    self._prober.start()

    def stop(self) -> None:
        """End the thread and close what is open."""
        self._stopping.set()
        if (prober := self._prober) is not None:
            prober.join(STOP_PATIENCE_SECONDS)
        for client in self._clients.values():
            client.connection_pool.disconnect()

    def _greet(self, connection: Any) -> None:
        """Set a connection up and ask who is there; a process that was restarted has another run id."""
        connection.on_connect()
        connection.send_command("INFO")
        info = dict(line.split(b":", 1) for line in connection.read_response().splitlines() if b":" in line)
        self.server = f"{info[b'run_id'].decode()}:{info.get(b'master_replid', b'').decode()}"

    def _run(self) -> None:
        while not self._stopping.wait(PROBE_SECONDS):
            try:
                if self._take_turn() and self._may_end():
                    break
            except Exception:
                # A prober that ends would leave its process's caches in the database for good.
                logger.exception("A cache's Redis could not be asked; it is tried again.")
        self._close_connection()

    def _take_turn(self) -> bool:
        """Ask once; tell whether the server answered and every cache is in it."""
        asked_at = monotonic()
        try:
            self._ask()
        except RedisError as error:
            self.breaker.trip(error)
            self._stay_away()
            return False
        if self._come_back():
            self.breaker.reset(asked_at)
            return True
        return False

    def _ask(self) -> None:
        """Write a key on a connection that is new: a Redis that is full or read only is of no use."""
        for client in self._clients.values():
            client.connection_pool.disconnect(inuse_connections=False)
            client.set(PROBE_KEY, os.getpid(), px=1000)

    def _stay_away(self) -> None:
        try:
            for gate in self._gates:
                gate.stay_away()
        except (DatabaseError, UnsettledError) as error:
            logger.debug("A cache's row could not be written: %s", error)  # it only says how long others wait
            self._close_connection()

    def _come_back(self) -> bool:
        try:
            are_back = [gate.come_back(self.server) for gate in self._gates]
            return all(are_back)
        except (DatabaseError, UnsettledError, RedisError) as error:
            logger.debug("A cache's row could not be moved: %s", error)  # the breaker stays open
            self._close_connection()
            return False

    def _close_connection(self) -> None:
        for gate in self._gates:
            gate.close_connection()

    def _may_end(self) -> bool:
        with self._lock:
            if self.breaker.is_open:
                return False
            self._prober = None
            return True


def ask(url: str) -> None:
    """Have the Redis there answer once; raises RedisError when it doesn't."""
    with Redis(connection_pool=_pool(url, None)) as client:
        client.ping()


def address_of(url: str) -> str:
    """Return the server's address without its database and its password."""
    parts = urlsplit(url)
    path = parts.path if parts.scheme == "unix" else ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path}"


def _pool(url: str, greet: Any) -> ConnectionPool:
    return ConnectionPool.from_url(
        url,
        socket_connect_timeout=PATIENCE_SECONDS,
        socket_timeout=PATIENCE_SECONDS,
        retry=Retry(NoBackoff(), 0),
        redis_connect_func=greet,
        protocol=2,
    )
