"""One supervisor for one data directory: a lock that the kernel gives back, however its holder ends."""

from __future__ import annotations

import fcntl
import json
import os
from typing import IO, TYPE_CHECKING, Self

from workstate.cli.errors import AlreadyRunningError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

LOCK_FILE = "supervisor.lock"


class DataDirectoryLock:
    """Holds the data directory for this process; its file tells others who holds it and where."""

    def __init__(self, data_dir: Path, address: str) -> None:
        self._data_dir = data_dir
        self._address = address
        self._file: IO[str] | None = None

    def __enter__(self) -> Self:
        """Take the lock; raise AlreadyRunningError when another process has it."""
        file = (self._data_dir / LOCK_FILE).open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.close()
            raise AlreadyRunningError(str(self._data_dir), _holder(self._data_dir)) from error
        file.truncate(0)
        json.dump({"pid": os.getpid(), "address": self._address}, file)
        file.flush()
        self._file = file
        return self

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give the lock back."""
        if self._file:
            self._file.truncate(0)
            self._file.close()


def recorded_address(data_dir: Path) -> str | None:
    """Return where the web of this data directory listens, as its supervisor wrote it down.

    None when none runs; after a supervisor was killed the address may be one that nobody answers at.
    """
    try:
        return _read(data_dir).get("address")
    except FileNotFoundError:
        return None


def _holder(data_dir: Path) -> str:
    record = _read(data_dir)
    return f"process {record['pid']}, {record['address']}" if record else "it is just starting"


def _read(data_dir: Path) -> dict[str, str]:
    text = (data_dir / LOCK_FILE).read_text()
    record: dict[str, str] = json.loads(text) if text else {}
    return record
