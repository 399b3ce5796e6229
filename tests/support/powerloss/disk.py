"""The files of a machine that lost power at some moment of a recording."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from random import Random

    from powerloss.recording import Operation

SECTOR_BYTES = 512


def files_after_power_loss(
    before: Mapping[str, bytes], operations: Sequence[Operation], moment: int, dice: Random
) -> dict[str, bytes]:
    """Return what is on the disk when power fails after so many operations.

    What was written to a file before its last sync began is there. Of each later write the dice say whether it
    is there, is not, or is torn between two sectors.
    """
    files = {path: bytearray(content) for path, content in before.items()}
    done = operations[:moment]
    durable = {operation.path: operation.began_after for operation in done if operation.kind == "sync"}
    for index, operation in enumerate(done):
        if operation.kind == "unlink":
            files.pop(operation.path, None)
        elif operation.kind in {"write", "truncate"}:
            content = files.setdefault(operation.path, bytearray())
            _apply(content, operation, whole=index < durable.get(operation.path, 0), dice=dice)
    return {path: bytes(content) for path, content in files.items()}


def told_before(operations: Sequence[Operation], moment: int) -> list[str]:
    """Return the lines that the process had told by then."""
    told = b"".join(operation.data for operation in operations[:moment] if operation.kind == "told")
    return told.decode().splitlines()


def lay_out(files: Mapping[str, bytes], directory: Path) -> None:
    """Write files by their names into a directory."""
    for path, content in files.items():
        (directory / Path(path).name).write_bytes(content)


def _apply(content: bytearray, operation: Operation, *, whole: bool, dice: Random) -> None:
    kept = len(operation.data)
    if not whole:
        fate = dice.choice(("there", "not there", "torn"))
        if fate == "not there":
            return
        if fate == "torn":
            kept = dice.randrange(0, kept + 1, SECTOR_BYTES) if operation.kind == "write" else kept
    if operation.kind == "truncate":
        _resize(content, operation.offset)
        return
    if len(content) < operation.offset:
        _resize(content, operation.offset)
    content[operation.offset : operation.offset + kept] = operation.data[:kept]


def _resize(content: bytearray, size: int) -> None:
    del content[size:]
    content.extend(bytes(size - len(content)))
