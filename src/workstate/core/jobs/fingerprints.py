"""What tells dead letters of one cause from those of another."""

from __future__ import annotations

import re
import sysconfig
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path, PurePath

DIGEST_BYTES = 16
FRAME = re.compile(r'^[ |+]*File "(?P<file>.+?)", line \d+, in (?P<function>.+)$', re.MULTILINE)
CHAIN = re.compile(
    r"^[ |+]*(?:During handling of the above exception, another exception occurred"
    r"|The above exception was the direct cause of the following exception):$",
    re.MULTILINE,
)
"""Stands between the tracebacks of a chain; the last of them is that of the error that was raised."""
INSTALLED = re.compile(r"[/\\](?:site|dist)-packages[/\\]")
NOT_A_FILE = re.compile(r"<.*>")
OWN_PACKAGE = str(Path(__file__).resolve().parents[1])
STANDARD_LIBRARY = tuple({sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib")})


def fingerprint_of(task: str, error_type: str | None, traceback: str | None) -> str:
    """Return 32 hexadecimal digits: the same for errors of one type that a task meets in one place.

    The place is the innermost frame of the project's own code, by file name and function: line
    numbers move with every release, and messages name customers.
    """
    parts = (task, error_type or "", _place(traceback or ""))
    return blake2b("\0".join(parts).encode("utf-8", "backslashreplace"), digest_size=DIGEST_BYTES).hexdigest()


def _place(traceback: str) -> str:
    frames = FRAME.findall(CHAIN.split(traceback)[-1])
    own = [frame for frame in frames if _is_of_project(frame[0])]
    for file, function in reversed(own or frames):
        name = PurePath(file.replace("\\", "/")).name
        return f"{name}:{function}"
    return ""


@lru_cache(maxsize=1024)
def _is_of_project(file: str) -> bool:
    is_foreign = INSTALLED.search(file) or NOT_A_FILE.fullmatch(file)
    return not is_foreign and not file.startswith((OWN_PACKAGE, *STANDARD_LIBRARY))
