"""How far a run has come, read from the journals as they grow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chaos.project import journal

if TYPE_CHECKING:
    from pathlib import Path


class Tail:
    """The lines of a growing journal, each given once."""

    def __init__(self, path: Path) -> None:
        path.touch()
        self._file = path.open("rb")
        self._rest = b""

    def new_lines(self) -> list[bytes]:
        """Return the whole lines that were written since the last time."""
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        return lines

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


class Progress:
    """Counts of jobs committed and done."""

    def __init__(self, directory: Path) -> None:
        self._effects = Tail(directory / journal.EFFECTS)
        self._produced = Tail(directory / journal.PRODUCED)
        self.committed = 0
        self.done = 0

    def look(self) -> None:
        """Count what is new."""
        self.done += sum(line.startswith(b"end ") for line in self._effects.new_lines())
        self.committed += sum(line.count(b" ") for line in self._produced.new_lines() if line.startswith(b"committed "))

    def close(self) -> None:
        """Let go of the journals."""
        self._effects.close()
        self._produced.close()
