"""What a run ran on."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import subprocess
import tempfile
from importlib import metadata
from pathlib import Path

import psutil

from benchmarks import services

PACKAGES = (
    "workstate",
    "celery",
    "kombu",
    "django",
    "redis",
    "psycopg",
    "huey",
    "dramatiq",
    "rq",
    "procrastinate",
    "uvicorn",
)


def describe() -> dict[str, str]:
    """Return the machine, its programs and the packages, as lines for the report."""
    return {
        "processor": f"{_processor()}, {os.cpu_count()} cores, {psutil.virtual_memory().total // 1024**3} GB",
        "system": f"{platform.system()} {platform.release()}, load {os.getloadavg()[0]:.2f} at the start",
        "files": f"{tempfile.gettempdir()} on {_file_system(Path(tempfile.gettempdir()))}",
        "python": f"{platform.python_implementation()} {platform.python_version()}, SQLite {sqlite3.sqlite_version}",
        "servers": f"{_redis()}; {_postgresql()}",
        "packages": ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES),
    }


def _processor() -> str:
    information = Path("/proc/cpuinfo")
    if not information.exists():
        return platform.processor()
    lines = (line.partition(":") for line in information.read_text().splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() == "model name"), platform.machine())


def _file_system(directory: Path) -> str:
    holders = [part for part in psutil.disk_partitions(all=True) if directory.is_relative_to(part.mountpoint)]
    return max(holders, key=lambda part: len(part.mountpoint)).fstype if holders else "an unknown file system"


def _redis() -> str:
    program = shutil.which("redis-server")
    if program is None:
        return "no Redis"
    words = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.split()
    return "Redis " + next(word.removeprefix("v=") for word in words if word.startswith("v="))


def _postgresql() -> str:
    try:
        return services.describe_postgresql()
    except services.ServiceMissingError as error:
        return f"no PostgreSQL: {error}"
