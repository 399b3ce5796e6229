"""Keeps uploaded and exported files under MEDIA_ROOT, which no address serves.

Uploads are named by their content, so that the same bytes are kept once. A file stands
under its name only when it is whole: it is written beside it and moved in one step.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    import uuid
    from collections.abc import Iterable, Iterator

UPLOADS = "imports"
EXPORTS = "exports"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """What is known of a file that was kept."""

    sha256: str
    size: int


def store_upload(chunks: Iterable[bytes]) -> StoredFile:
    """Keep these bytes under their hash and return it; memory stays the same for any size."""
    digest = hashlib.sha256()
    size = 0
    with _written_beside(_folder(UPLOADS)) as (file, move_to):
        for chunk in chunks:
            digest.update(chunk)
            size += len(chunk)
            file.write(chunk)
        move_to(upload_path(digest.hexdigest()))
    return StoredFile(sha256=digest.hexdigest(), size=size)


def upload_path(sha256: str) -> Path:
    """Return where the upload with that hash is kept."""
    return _folder(UPLOADS) / sha256[:2] / sha256


def export_path(public_id: uuid.UUID) -> Path:
    """Return where the file of an export is kept once it is whole."""
    return _folder(EXPORTS) / f"{public_id}.csv"


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Give a file to write; when the block ends well it stands at `path`, else nothing has changed."""
    with _written_beside(path.parent) as (file, move_to):
        yield file
        move_to(path)


class _Move:
    """Puts the written file in its place, once its bytes are on the disk."""

    def __init__(self, file: IO[bytes], temporary: Path) -> None:
        self._file = file
        self._temporary = temporary

    def __call__(self, path: Path) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        path.parent.mkdir(parents=True, exist_ok=True)
        self._temporary.replace(path)


@contextmanager
def _written_beside(folder: Path) -> Iterator[tuple[IO[bytes], _Move]]:
    folder.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=folder, suffix=".part")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file, _Move(file, temporary)
    finally:
        temporary.unlink(missing_ok=True)


def _folder(name: str) -> Path:
    return Path(settings.MEDIA_ROOT) / name
