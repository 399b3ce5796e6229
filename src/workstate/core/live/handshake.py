"""Who may open a live connection: a page of this site, and a person who is signed in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib import import_module
from io import BytesIO
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from channels.auth import get_user
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.core.handlers.asgi import ASGIRequest
from django.http.cookie import parse_cookie
from django.utils.http import is_same_domain

if TYPE_CHECKING:
    from urllib.parse import SplitResult

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

DEFAULT_PORTS = {"http": 80, "https": 443}
OWN_SITES = frozenset({"same-origin", "none", ""})


def find_address(scope: Scope) -> str:
    """Return what was asked for, without what the server puts in front of this site's addresses."""
    return str(scope["path"]).removeprefix(scope.get("root_path", ""))


def comes_from_here(scope: Scope) -> bool:
    """Tell whether the page that opens the socket is of this site or of one in CSRF_TRUSTED_ORIGINS.

    Scheme, host and port count. Browsers always say where a page is from, so a silent client is foreign.
    """
    origin, own = _find_origin(scope), _find_own_origin(scope)
    if origin is None or own is None:
        return False
    return _key(origin) == _key(own) or any(_is_trusted(origin, trusted) for trusted in settings.CSRF_TRUSTED_ORIGINS)


def is_read_from_here(scope: Scope) -> bool:
    """Tell whether an event stream is asked for by a page of this site, or by a program that is no browser.

    A browser names the origin of a foreign page. Where it names none, `Sec-Fetch-Site` says whose page it is, and
    where it may not send that either (a site without HTTPS), a foreign page's request comes without the cookie.
    """
    if find_header(scope, b"origin"):
        return comes_from_here(scope)
    return find_header(scope, b"sec-fetch-site") in OWN_SITES and _find_own_origin(scope) is not None


def find_header(scope: Scope, name: bytes, *, joined_by: str = ", ") -> str:
    """Return what the headers of this name say, "" without one."""
    return joined_by.join(value.decode("latin1") for each, value in scope["headers"] if each == name)


def signed_in(serve: Application) -> Application:
    """Return an application that calls `serve` with the session, and the person whom it stands for, in the scope.

    Channels' own wraps `send`, to save the session, at each message, and keeps three copies of the scope. Here the
    session is only read: that saves a tenth of a connection's memory, and some of the time of each message.
    """

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        cookies = parse_cookie(find_header(scope, b"cookie", joined_by="; "))
        session, user = await _read_session(cookies.get(settings.SESSION_COOKIE_NAME))
        await serve({**scope, "session": session, "user": user}, receive, send)

    return application


async def find_signed_in_user(scope: Scope) -> Any | None:
    """Return the person whom the socket's session stands for, both read again; None when it stands for nobody now."""
    _, user = await _read_session(scope["session"].session_key)
    return user if user.is_authenticated and user.pk == scope["user"].pk else None


async def _read_session(session_key: str | None) -> tuple[Any, Any]:
    session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    return session, await get_user({"session": session})


def _find_origin(scope: Scope) -> SplitResult | None:
    try:
        origin = urlsplit(find_header(scope, b"origin"))
        return origin if origin.scheme in DEFAULT_PORTS and origin.hostname and _key(origin) else None
    except ValueError:
        return None


def _find_own_origin(scope: Scope) -> SplitResult | None:
    """Return the origin of this site as Django sees it, behind whatever proxy the settings tell of."""
    scheme = "https" if scope.get("scheme") in {"wss", "https"} else "http"
    request = ASGIRequest({**scope, "method": "GET", "scheme": scheme}, BytesIO())
    try:
        return urlsplit(f"{request.scheme}://{request.get_host()}")
    except DisallowedHost:
        return None


def _key(origin: SplitResult) -> tuple[str, str | None, int | None]:
    return origin.scheme, origin.hostname, origin.port or DEFAULT_PORTS.get(origin.scheme)


def _is_trusted(origin: SplitResult, trusted: str) -> bool:
    pattern = urlsplit(trusted.replace("://*.", "://."))
    return (origin.scheme, origin.port) == (pattern.scheme, pattern.port) and is_same_domain(
        origin.hostname or "", pattern.hostname or ""
    )
