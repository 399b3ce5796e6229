"""Finds out how the bytes of a file are written as text, or says what kind of file it is instead."""

from __future__ import annotations

import codecs
from typing import TYPE_CHECKING

from workstate.apps.time_tracking.errors import UnreadableFileError

if TYPE_CHECKING:
    from pathlib import Path

BLOCK_BYTES = 256 * 1024
HEADER_BYTES = 64
EXPORT_HINT = "Export the detailed report as CSV from Toggl Track or Clockify and upload that file."

BYTE_ORDER_MARKS = [
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
]
SIGNATURES = [
    (b"\x89PNG\r\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "an Excel workbook or a ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
    (b"\x1f\x8b", "a compressed (gzip) file"),
    (b"SQLite format 3\x00", "a database"),
]


def find_encoding(path: Path) -> str:
    """Return the codec that reads every byte of the file; raises UnreadableFileError."""
    with path.open("rb") as file:
        head = file.read(BLOCK_BYTES)
    if not head.strip():
        raise UnreadableFileError(f"The file is empty. {EXPORT_HINT}")
    for signature, kind in SIGNATURES:
        if head.startswith(signature):
            raise UnreadableFileError(f"This is {kind}, not a CSV file. {EXPORT_HINT}")
    for candidate in _candidates(head):
        if _reads(path, candidate):
            return candidate
    raise UnreadableFileError(
        "The file is not text in UTF-8, UTF-16 or Windows-1252, or it was cut off. Save it as “CSV UTF-8” and upload it again."
    )


def _candidates(head: bytes) -> list[str]:
    for mark, codec in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return [codec]
    beginning = head[:HEADER_BYTES]
    if b"\x00" not in beginning:
        return ["utf-8", "cp1252"]
    # UTF-16 without its mark: every other byte of a header in Western letters is zero.
    if not any(beginning[1::2]):
        return ["utf-16-le"]
    if not any(beginning[0::2]):
        return ["utf-16-be"]
    raise UnreadableFileError(f"This is not a text file. {EXPORT_HINT}")


def _reads(path: Path, codec: str) -> bool:
    decoder = codecs.getincrementaldecoder(codec)()
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK_BYTES):
                decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
