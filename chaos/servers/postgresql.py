"""PostgreSQL with a cluster of a run's own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import psycopg

from chaos.servers.base import Server, ServerMissingError

if TYPE_CHECKING:
    from collections.abc import Sequence

POSTGRESQL_PROGRAMS = "/usr/lib/postgresql/*/bin"
POSTGRESQL_OPTIONS = (
    "fsync=off",  # the machine keeps its power: what a killed process has written is there
    "max_connections=200",
    "shared_buffers=64MB",
    "listen_addresses=127.0.0.1",
)


class PostgreSQLServer(Server):
    """PostgreSQL with a cluster of its own; as root it runs as the user `postgres`, because it refuses root."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._programs = _postgresql_programs()
        self._data = directory / "data"
        if os.geteuid() == 0:
            self.program_user = "postgres"
            shutil.chown(directory, "postgres")
        initdb = [self._programs / "initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        subprocess.run(
            [*map(str, initdb), "--no-sync", "--locale=C"],
            check=True,
            cwd=directory,
            user=self.program_user,
            stdout=subprocess.DEVNULL,
        )

    def url(self, port: int | None = None) -> str:
        """Return the address of its database, on its own port or on that of a proxy."""
        return f"postgres://postgres@127.0.0.1:{port or self.port}/postgres"

    def command(self) -> Sequence[str]:
        """Return what starts the postmaster."""
        options = [word for option in POSTGRESQL_OPTIONS for word in ("-c", option)]
        arguments = ["-D", self._data, "-p", self.port, "-k", self.directory, *options]
        return [str(self._programs / "postgres"), *map(str, arguments)]

    def answers(self) -> bool:
        """Tell whether it lets us in."""
        try:
            with psycopg.connect(self.url(), connect_timeout=2) as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def stop_immediately(self) -> None:
        """Stop it without a checkpoint (mode `immediate`); the next start recovers from its log."""
        assert self._popen is not None
        self._popen.send_signal(signal.SIGQUIT)
        self._wait()

    def kill_postmaster(self) -> None:
        """Kill only the first process; the others notice and end."""
        assert self._popen is not None
        self._popen.kill()
        self._wait()

    def backends(self) -> list[psutil.Process]:
        """Return the processes that serve a client."""
        return [process for process in self.processes() if "127.0.0.1(" in _title(process)]


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def _postgresql_programs() -> Path:
    found = shutil.which("postgres")
    candidates = sorted(Path("/").glob(POSTGRESQL_PROGRAMS.lstrip("/")), key=lambda path: float(path.parts[-2]))
    if found:
        return Path(found).parent
    if not candidates:
        raise ServerMissingError(f"PostgreSQL's programs are neither on the PATH nor at {POSTGRESQL_PROGRAMS}.")
    return candidates[-1]
