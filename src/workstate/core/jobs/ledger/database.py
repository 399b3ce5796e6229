"""A ledger's way to its database: statements, transactions, moments."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar
from weakref import WeakKeyDictionary

from django.db import InterfaceError, OperationalError, connections, transaction

from workstate.core.jobs import clock
from workstate.core.jobs.interruptions import uninterrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime, timedelta

    from django.db.backends.base.base import BaseDatabaseWrapper


_after_commit: WeakKeyDictionary[BaseDatabaseWrapper, list[Callable[[], Any]]] = WeakKeyDictionary()
"""What is to be done after the commit of a private connection; Django does it for its own."""


class LedgerDatabase(ABC):
    """One connection, spoken to in SQL that both databases understand."""

    row_lock: ClassVar[str] = ""
    """Appended to a SELECT whose rows are about to change."""
    patient_lock: ClassVar[str] = ""
    """The same for one that waits for whoever has locked a row; several rows are locked by age, as everybody does."""
    joining_lock: ClassVar[str] = ""
    """The same for one whose row is to stay, while others may change it."""
    begin: ClassVar[str] = "BEGIN"

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self.connection = connection

    @abstractmethod
    def moment(self, value: datetime) -> Any:
        """Return an aware `value` as this database's driver takes it, and as Django stores it."""

    @abstractmethod
    def aware(self, value: Any) -> datetime:
        """Return a moment that the driver gave as an aware one: the reverse of `moment`."""

    def now(self) -> Any:
        """Return the present moment as the driver takes it."""
        return self.moment(clock.now())

    def after(self, delay: timedelta) -> tuple[str, Any]:
        """Return an expression, and its parameter, for the moment `delay` from now by the clock that judges leases."""
        return "%s", self.moment(clock.now() + delay)

    def execute(self, sql: str, params: Sequence[Any] = ()) -> int:
        """Run one statement and return the number of rows that it changed."""
        with uninterrupted, self._recovering(), self.connection.cursor() as cursor:
            cursor.execute(sql, params)
            return int(cursor.rowcount)

    def query(self, sql: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows."""
        with uninterrupted, self._recovering(), self.connection.cursor() as cursor:
            cursor.execute(sql, params)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows

    @contextmanager
    def _recovering(self) -> Iterator[None]:
        """Let the next statement open a new connection when a private one is broken; Django sees to its own."""
        try:
            yield
        except (OperationalError, InterfaceError):
            if self.connection is not connections[self.connection.alias]:
                self.connection.close()
            raise

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what happens inside when it fails, and leave the transaction around it as it was."""
        self.execute("SAVEPOINT workstate")
        try:
            yield
        except (OperationalError, InterfaceError):
            raise  # the transaction is gone, and the savepoint with it
        except BaseException:
            self.execute("ROLLBACK TO SAVEPOINT workstate")
            self.execute("RELEASE SAVEPOINT workstate")
            raise
        self.execute("RELEASE SAVEPOINT workstate")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit what happens inside, or nothing of it: for a private connection in autocommit mode."""
        with uninterrupted:
            try:
                self.execute(self.begin)
                yield
                self.execute("COMMIT")
            except BaseException:  # a time limit may strike anywhere, also right after the BEGIN
                _after_commit.pop(self.connection, None)
                self.connection.close()  # rolls back, whatever state the connection is in
                raise
        for function in _after_commit.pop(self.connection, ()):
            function()

    def on_commit(self, function: Callable[[], Any]) -> None:
        """Call `function` once the present transaction has committed; it must not raise."""
        if self.connection is connections[self.connection.alias]:
            transaction.on_commit(function, using=self.connection.alias)
        else:
            _after_commit.setdefault(self.connection, []).append(function)
