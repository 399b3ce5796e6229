"""What the environment says, read once into a frozen object."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from django.core.exceptions import ImproperlyConfigured
from dotenv import load_dotenv

SECRET_KEY_FILE = "secret_key"  # noqa: S105  the name of a file
SECRET_KEY_BYTES = 50
SMTP_SUBMISSION_PORT = 587
REDIS_PORT = 6379
LIVE_DATABASE, CACHE_DATABASE, REPORTS_DATABASE = 1, 2, 3
"""Of Redis, counted from the one that carries jobs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """The settings that an operator may give, with what holds when they are silent."""

    data_dir: Path
    debug: bool
    secret_key: str
    database_url: str
    broker_url: str
    result_backend: str
    live_redis_url: str
    cache_url: str
    reports_cache_url: str
    sqlite_synchronous: str
    allowed_hosts: list[str]
    trusted_origins: list[str]
    metrics_token: str
    smtp_host: str
    smtp_port: int
    smtp_user: str
    smtp_password: str
    smtp_from_email: str
    smtp_use_tls: bool

    @classmethod
    def read(cls) -> Self:
        """Read the process's environment and the `.env` file of the current directory."""
        load_dotenv(Path.cwd() / ".env")
        data_dir = Path(os.environ.get("WORKSTATE_DATA") or "var").resolve()
        return cls(
            data_dir=data_dir,
            debug=_switched_on("DEBUG", default=False),
            secret_key=os.environ.get("SECRET_KEY") or _kept_secret_key(data_dir),
            database_url=os.environ.get("DATABASE_URL") or f"sqlite:///{data_dir / 'workstate.sqlite3'}",
            broker_url=os.environ.get("CELERY_BROKER_URL") or _redis_url() or "workstate://",
            result_backend=os.environ.get("CELERY_RESULT_BACKEND") or "workstate://",
            live_redis_url=_redis_database(LIVE_DATABASE),
            cache_url=_redis_database(CACHE_DATABASE),
            reports_cache_url=_redis_database(REPORTS_DATABASE),
            sqlite_synchronous=os.environ.get("SQLITE_SYNCHRONOUS") or "NORMAL",
            allowed_hosts=_listed("ALLOWED_HOSTS") or ["localhost", "127.0.0.1", "[::1]"],
            trusted_origins=_listed("CSRF_TRUSTED_ORIGINS"),
            metrics_token=os.environ.get("METRICS_TOKEN", ""),
            smtp_host=os.environ.get("SMTP_HOST", ""),
            smtp_port=_number("SMTP_PORT", SMTP_SUBMISSION_PORT),
            smtp_user=os.environ.get("SMTP_USER", ""),
            smtp_password=os.environ.get("SMTP_PASSWORD", ""),
            smtp_from_email=os.environ.get("SMTP_FROM_EMAIL") or "workstate@localhost",
            smtp_use_tls=_switched_on("SMTP_USE_TLS", default=True),
        )


def _redis_url() -> str | None:
    """Return the address of the Redis that carries jobs: database 0 unless the operator names another."""
    url = os.environ.get("REDIS_URL")
    host = os.environ.get("REDIS_HOST")
    if url or not host:
        return url or None
    port, database = _number("REDIS_PORT", REDIS_PORT), _number("REDIS_DB", 0)
    return f"redis://{host}:{port}/{database}"


def _redis_database(distance: int) -> str:
    """Return the address of a Redis database of its own, so that flushing it takes nothing of another; "" without Redis.

    Only a URL that ends in the number of a database, or in none, says where the others are.
    """
    parts = urlsplit(_redis_url() or "")
    number = parts.path.strip("/") or "0"
    if parts.scheme not in {"redis", "rediss"} or not number.isdecimal():
        return ""
    return urlunsplit(parts._replace(path=f"/{int(number) + distance}"))


def _switched_on(name: str, *, default: bool) -> bool:
    value = os.environ.get(name, "").lower()
    return value in {"1", "true", "yes", "on"} if value else default


def _listed(name: str) -> list[str]:
    return [part.strip() for part in os.environ.get(name, "").split(",") if part.strip()]


def _number(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not text.isdecimal():
        raise ImproperlyConfigured(f"{name} must be a number, not {text!r}.")
    return int(text)


def _kept_secret_key(data_dir: Path) -> str:
    path = data_dir / SECRET_KEY_FILE
    try:
        if not path.exists():
            data_dir.mkdir(parents=True, exist_ok=True)
            _make_secret_key(path)
        return path.read_text()
    except OSError as error:
        raise ImproperlyConfigured(
            f"The secret key {path} cannot be made or read ({error.strerror}): "
            "make the directory writable, choose another with WORKSTATE_DATA, or set SECRET_KEY."
        ) from error


def _make_secret_key(path: Path) -> None:
    """Make the key whole and only once: of two processes at the same moment, the first one's stays."""
    with NamedTemporaryFile("w", dir=path.parent) as file:
        file.write(secrets.token_urlsafe(SECRET_KEY_BYTES))
        file.flush()
        with suppress(FileExistsError):
            os.link(file.name, path)
