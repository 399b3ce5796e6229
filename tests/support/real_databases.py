"""Real databases for tests of one process: a migrated SQLite file or PostgreSQL database as `default`.

pytest-django's own test database is SQLite in memory, inside a transaction: nobody else can see
what a test commits there, and nothing can watch it.
"""

from __future__ import annotations

import os
import shutil
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dj_database_url
import psycopg
import pytest
from asgiref.sync import SyncToAsync
from django.core.management import call_command
from django.db import connections
from psycopg import sql

from workstate.core import wakeup
from workstate.core.cache.processes import stop_links

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pytest_django import DjangoDbBlocker

POSTGRESQL_URL = os.environ.get("TEST_POSTGRESQL_URL", "postgres://postgres@127.0.0.1:5432")
KEPT_TABLES = frozenset({"django_migrations", "django_content_type", "auth_permission"})
LIST_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
END_OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)

BOTH_DATABASES = pytest.mark.parametrize(
    "database",
    ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)],
    indirect=True,
)


@dataclass(frozen=True, slots=True)
class RealDatabase:
    """The database that `default` is while a test runs; `url` opens it from another process."""

    vendor: str
    url: str

    def environment(self) -> dict[str, str]:
        """The variables with which a process of the product uses this database."""
        return os.environ | {"DATABASE_URL": self.url, "DJANGO_SETTINGS_MODULE": "workstate.project.settings"}


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("template") / "database.sqlite3"
    with django_db_blocker.unblock(), _as_default(f"sqlite:///{path}"):
        call_command("migrate", verbosity=0)
    return path


@pytest.fixture(scope="session")
def postgresql_template(django_db_blocker: DjangoDbBlocker) -> Iterator[str]:
    """The URL of a migrated PostgreSQL database, emptied after each test; skips without a server, fails in CI."""
    name = f"workstate_test_{os.getpid()}"
    url = f"{POSTGRESQL_URL}/{name}"
    with _postgresql_server() as server, _postgresql_database(server, name):
        with django_db_blocker.unblock(), _as_default(url):
            call_command("migrate", verbosity=0)
        yield url


@pytest.fixture
def database(
    request: pytest.FixtureRequest, tmp_path: Path, django_db_blocker: DjangoDbBlocker
) -> Iterator[RealDatabase]:
    """Let `default` be a migrated, empty database: a SQLite file unless the test is parametrised."""
    vendor = getattr(request, "param", "sqlite")
    with _lent(vendor, request, tmp_path, django_db_blocker) as database:
        yield database


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def lasting_database(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker
) -> Iterator[RealDatabase]:
    """One for all tests of a module, for tests that are many and leave each other's rows alone."""
    directory = tmp_path_factory.mktemp("database")
    with _lent(request.param, request, directory, django_db_blocker) as database:
        yield database


@contextmanager
def _lent(
    vendor: str, request: pytest.FixtureRequest, directory: Path, blocker: DjangoDbBlocker
) -> Iterator[RealDatabase]:
    make: Callable[..., Iterator[str]] = {"sqlite": _copy_sqlite, "postgresql": _lend_postgresql}[vendor]
    template = request.getfixturevalue(f"{vendor}_template")
    with contextmanager(make)(template, directory) as url, blocker.unblock(), _as_default(url):
        yield RealDatabase(vendor, url)


def _copy_sqlite(template: Path, directory: Path) -> Iterator[str]:
    copy = directory / "database.sqlite3"
    shutil.copy(template, copy)
    yield f"sqlite:///{copy}"


def _lend_postgresql(url: str, directory: Path) -> Iterator[str]:
    yield url
    with psycopg.connect(url) as connection:
        connection.execute(END_OTHERS)
        names = [name for (name,) in connection.execute(LIST_TABLES) if name not in KEPT_TABLES]
        for name in names:  # in any order: Django's foreign keys are checked at the commit
            connection.execute(sql.SQL("DELETE FROM {}").format(sql.Identifier(name)))


@contextmanager
def _postgresql_server() -> Iterator[psycopg.Connection]:
    try:
        server = psycopg.connect(f"{POSTGRESQL_URL}/postgres", autocommit=True, connect_timeout=3)
    except psycopg.OperationalError as error:
        message = f"PostgreSQL does not answer at {POSTGRESQL_URL}: {error}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with closing(server):
        yield server


@contextmanager
def _postgresql_database(server: psycopg.Connection, name: str) -> Iterator[None]:
    server.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield
    finally:
        server.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def _as_default(url: str) -> Iterator[None]:
    """Swap the settings of `default`; every thread that this test's code uses connects anew."""
    before = connections.settings["default"]
    _forget_connections()
    connections.settings["default"] = {**before, **dj_database_url.parse(url, conn_max_age=60)}
    try:
        yield
    finally:
        wakeup.close_notifiers()
        stop_links()
        _forget_connections()
        connections.settings["default"] = before


def _forget_connections() -> None:
    _forget_connection()
    # Where asgiref runs synchronous code for coroutines; the thread outlives the test.
    SyncToAsync.single_thread_executor.submit(_forget_connection).result()


def _forget_connection() -> None:
    if hasattr(connections._connections, "default"):
        connections["default"].close()
        del connections["default"]
