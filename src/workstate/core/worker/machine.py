"""Tells whether a process of this machine still lives, so that a killed worker is noticed in seconds."""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path

PROC = Path("/proc")


@cache
def this_machine() -> str:
    """Name the machine within which a pid means one process: host, boot and pid namespace.

    Where there is no /proc the name is unique to the process, so that nobody judges it by its pid.
    """
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text().strip()
        namespace = (PROC / "self/ns/pid").readlink()
    except OSError:
        return f"{socket.gethostname()}/{os.getpid()}"
    return f"{socket.gethostname()}/{boot}/{namespace}"


def process_start(pid: int) -> str:
    """Return when `pid` was started, in clock ticks since boot; empty when there is no such process or no /proc."""
    try:
        stat = (PROC / str(pid) / "stat").read_text()
    except OSError:
        return ""
    fields = stat.rpartition(")")[2].split()
    state, started = fields[0], fields[19]
    return "" if state in {"Z", "X"} else started


def is_alive(pid: int, started: str) -> bool:
    """Tell whether `pid` is still the process that was started at `started`."""
    return process_start(pid) == started
