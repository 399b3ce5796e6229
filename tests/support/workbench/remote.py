"""Objects of another process, used as if they were here.

An operation on a `Remote` travels as (function, arguments); the other side applies it
and answers with a value when it is plain data or an exception, else with a new Remote.
"""

from __future__ import annotations

import operator
import pickle
import traceback
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection
    from types import TracebackType

ANSWER_TIMEOUT_SECONDS = 60
PLAIN_TYPES = (type(None), bool, int, float, str, bytes, date, datetime, timedelta)
SHARED_PACKAGES = frozenset({"builtins", "celery", "kombu", "billiard", "django"})

_held: dict[int, Any] = {}


class RemoteError(Exception):
    """An exception of the other side whose class does not exist here; `type_name` says which."""

    def __init__(self, type_name: str, message: str) -> None:
        super().__init__(type_name, message)
        self.type_name = type_name

    def __str__(self) -> str:
        return f"{self.args[0]}: {self.args[1]}"


class Remote:
    """Stands for one object of the other side."""

    def __init__(self, link: Link, reference: int) -> None:
        object.__setattr__(self, "_link", link)
        object.__setattr__(self, "_reference", reference)

    def __getattr__(self, name: str) -> Any:
        return self._link.ask(getattr, self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._link.ask(setattr, self, name, value)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._link.ask(operator.call, self, *args, **kwargs)

    def __getitem__(self, key: Any) -> Any:
        return self._link.ask(operator.getitem, self, key)

    def __or__(self, other: Any) -> Any:
        return self._link.ask(operator.or_, self, other)

    def __contains__(self, item: Any) -> bool:
        return bool(self._link.ask(operator.contains, self, item))

    def __iter__(self) -> Iterator[Any]:
        return iter(self._link.ask(list, self))

    def __len__(self) -> int:
        return int(self._link.ask(len, self))

    def __bool__(self) -> bool:
        return bool(self._link.ask(bool, self))

    def __repr__(self) -> str:
        return f"<remote {self._link.ask(repr, self)}>"

    def __enter__(self) -> Any:
        return self._link.ask(operator.methodcaller("__enter__"), self)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Any:
        error = error and _portable(error)
        return self._link.ask(operator.methodcaller("__exit__", error and type(error), error, None), self)

    def __reduce__(self) -> Any:
        return held, (self._reference,)


class Link:
    """The near end: sends operations and turns answers into values, Remotes or exceptions."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def root(self) -> Remote:
        """The object that the other side serves."""
        return Remote(self, 0)

    def ask(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        """Apply the function over there and return what came of it."""
        self._connection.send_bytes(pickle.dumps((function, args, kwargs)))
        if not self._connection.poll(ANSWER_TIMEOUT_SECONDS):
            raise TimeoutError(f"The client process did not answer within {ANSWER_TIMEOUT_SECONDS} s.")
        outcome, value = pickle.loads(self._connection.recv_bytes())
        if outcome == "raise":
            raise value
        return self._wrap(value)

    def _wrap(self, value: Any) -> Any:
        if type(value) is _Reference:
            return Remote(self, value.number)
        if type(value) in {list, tuple}:
            return type(value)(self._wrap(item) for item in value)
        if type(value) is dict:
            return {key: self._wrap(item) for key, item in value.items()}
        return value


def serve(connection: Connection, root: Any) -> None:
    """Be the far end: answer operations on the root object, and on what came of them, until the near end goes away."""
    _held[0] = root
    while True:
        try:
            request = connection.recv_bytes()
        except EOFError:
            return
        connection.send_bytes(pickle.dumps(_answer(request)))


def held(reference: int) -> Any:
    """Find the object that a Remote stands for."""
    return _held[reference]


class _Reference:
    def __init__(self, number: int) -> None:
        self.number = number


def _answer(request: bytes) -> tuple[str, Any]:
    try:
        function, args, kwargs = pickle.loads(request)
        return "return", _as_value_or_reference(function(*args, **kwargs))
    except Exception as error:  # noqa: BLE001  it is raised again at the near end
        return "raise", _portable(error)


def _as_value_or_reference(value: Any) -> Any:
    if type(value) in PLAIN_TYPES:
        return value
    if type(value) in {list, tuple}:
        return type(value)(_as_value_or_reference(item) for item in value)
    if type(value) is dict:
        return {key: _as_value_or_reference(item) for key, item in value.items()}
    if isinstance(value, BaseException):
        return _portable(value)
    if isinstance(value, str):
        return str(value)
    _held[len(_held)] = value
    return _Reference(len(_held) - 1)


def _portable(error: BaseException) -> BaseException:
    """The exception itself when the near end knows its class, else a RemoteError with its name and text."""
    portable = error if _exists_everywhere(error) else RemoteError(type(error).__name__, str(error))
    portable.add_note("".join(traceback.format_exception(error)))
    return portable


def _exists_everywhere(error: BaseException) -> bool:
    if type(error).__module__.partition(".")[0] not in SHARED_PACKAGES:
        return False
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # noqa: BLE001  whatever it raises: this exception cannot travel
        return False
    return True
