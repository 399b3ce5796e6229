"""Who may open a socket: a page of this site, and a person who is signed in."""

from __future__ import annotations

from importlib import import_module
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from channels.auth import get_user
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.utils.http import is_same_domain

if TYPE_CHECKING:
    from urllib.parse import SplitResult

Scope = dict[str, Any]

DEFAULT_PORTS = {"http": 80, "https": 443}


def comes_from_here(scope: Scope) -> bool:
    """Tell whether the page that opens the socket is of this site or of one in CSRF_TRUSTED_ORIGINS.

    Scheme, host and port count. Browsers always say where a page is from, so a silent client is foreign.
    """
    origin = _find_origin(scope)
    if origin is None:
        return False
    try:
        own = _find_own_origin(scope)
    except DisallowedHost:
        return False
    return _key(origin) == _key(own) or any(_is_trusted(origin, trusted) for trusted in settings.CSRF_TRUSTED_ORIGINS)


async def find_signed_in_user(scope: Scope) -> Any | None:
    """Return the person whom the socket's session stands for, both read again; None when it stands for nobody now."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    user = await get_user({"session": store(scope["session"].session_key)})
    return user if user.is_authenticated and user.pk == scope["user"].pk else None


def _find_origin(scope: Scope) -> SplitResult | None:
    values = [value for name, value in scope["headers"] if name == b"origin"]
    if len(values) != 1:
        return None
    try:
        origin = urlsplit(values[0].decode("latin1"))
        return origin if origin.scheme in DEFAULT_PORTS and origin.hostname and _key(origin) else None
    except ValueError:
        return None


def _find_own_origin(scope: Scope) -> SplitResult:
    """Return the origin of this site as Django sees it, behind whatever proxy the settings tell of."""
    scheme = "https" if scope.get("scheme") == "wss" else "http"
    request = ASGIRequest({**scope, "method": "GET", "scheme": scheme}, BytesIO())
    return urlsplit(f"{request.scheme}://{request.get_host()}")


def _key(origin: SplitResult) -> tuple[str, str | None, int | None]:
    return origin.scheme, origin.hostname, origin.port or DEFAULT_PORTS.get(origin.scheme)


def _is_trusted(origin: SplitResult, trusted: str) -> bool:
    pattern = urlsplit(trusted.replace("://*.", "://."))
    return (origin.scheme, origin.port) == (pattern.scheme, pattern.port) and is_same_domain(
        origin.hostname or "", pattern.hostname or ""
    )
