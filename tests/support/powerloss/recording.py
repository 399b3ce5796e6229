"""Records what a process does to its files, by strace."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

CALLS = "openat,close,dup,dup2,dup3,write,pwrite64,pwritev,ftruncate,fsync,fdatasync,unlink,rename"
UNEXPECTED = frozenset({"dup", "dup2", "dup3", "pwritev"})
LONGEST_WRITE_BYTES = 1_000_000
LINE = re.compile(r"^(\d+) +(?:<\.\.\. )?(\w+)(?: resumed>)?(.*)$")
STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
TIMEOUT_SECONDS = 120


class StraceMissingError(Exception):
    """strace is not installed, or may not trace here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """Something that was done to a file, or that the process told (`kind` is `told` then)."""

    kind: str
    path: str
    offset: int = 0
    data: bytes = b""
    began_after: int = 0
    """How many operations had been done when it began."""


@dataclass(slots=True)
class _Reader:
    """Follows the calls of all threads; a call counts when it returns."""

    directory: str
    told: str
    operations: list[Operation] = field(default_factory=list)
    _paths: dict[int, str] = field(default_factory=dict)
    _begun: dict[str, tuple[str, int]] = field(default_factory=dict)

    def take(self, line: str) -> None:
        found = LINE.match(line)
        if found is None:
            return
        thread, call, rest = found.groups()
        if rest.endswith("<unfinished ...>"):
            self._begun[thread] = (rest.removesuffix("<unfinished ...>"), len(self.operations))
            return
        before, began_after = self._begun.pop(thread, ("", len(self.operations)))
        arguments, _, returned = (before + rest).rpartition(" = ")
        if not returned.startswith("-1"):
            self._note(call, arguments.strip()[1:-1], int(returned.split()[0], 0), began_after)

    def _note(self, call: str, arguments: str, returned: int, began_after: int) -> None:
        strings = [bytes.fromhex(text.replace("\\x", "")) for text in STRING.findall(arguments)]
        words = [word.strip() for word in STRING.sub("", arguments).split(",")]
        numbers = [int(word) for word in words if word.isdigit()]
        if call == "openat":
            self._paths[returned] = strings[0].decode()
        elif call == "unlink":
            self._add("unlink", strings[0].decode(), 0, b"", began_after)
        elif call == "rename":  # Python does so when it caches what it has compiled
            assert not any(text.decode().startswith(self.directory) for text in strings), f"{call} of {strings}"
        elif (path := self._paths.get(numbers[0])) is not None:
            assert call not in UNEXPECTED, f"{call} on {path}"
            if call == "close":
                del self._paths[numbers[0]]
            elif call == "write":
                assert path == self.told or not path.startswith(self.directory), f"written without an offset: {path}"
                self._add("told", path, 0, strings[0][:returned], began_after)
            elif call == "pwrite64":
                self._add("write", path, numbers[-1], strings[0][:returned], began_after)
            else:
                kind = "truncate" if call == "ftruncate" else "sync"
                self._add(kind, path, numbers[-1], b"", began_after)

    def _add(self, kind: str, path: str, offset: int, data: bytes, began_after: int) -> None:
        is_ours = path.startswith(self.directory) and not path.endswith("-shm")
        if is_ours and (kind != "told" or path == self.told):
            self.operations.append(Operation(kind=kind, path=path, offset=offset, data=data, began_after=began_after))


def record(
    command: Sequence[str], *, environment: Mapping[str, str], directory: Path, told: Path, log: Path
) -> list[Operation]:
    """Run a command and return what it did to the files of a directory, in order, with what it wrote to `told`.

    Raises StraceMissingError.
    """
    if (program := shutil.which("strace")) is None:
        raise StraceMissingError("strace is not installed.")
    tracing = [program, "-f", "-xx", "-s", str(LONGEST_WRITE_BYTES), "-e", f"trace={CALLS}", "-e", "signal=none"]
    run = subprocess.run(
        [*tracing, "-o", str(log), *command],
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_SECONDS,
        check=False,
    )
    if "ptrace" in run.stderr:
        raise StraceMissingError(run.stderr)
    assert run.returncode == 0, run.stderr
    reader = _Reader(str(directory), str(told))
    for line in _lines(log):
        reader.take(line)
    return reader.operations


def _lines(log: Path) -> Iterator[str]:
    with log.open() as file:
        yield from (line.rstrip("\n") for line in file)
