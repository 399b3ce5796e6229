"""Headers that every page carries beside those of Django and django-csp, and static files from memory."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware

from workstate.web.static_files import name_versions

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http.response import HttpResponseBase
    from whitenoise.responders import StaticFile

PERMISSIONS_POLICY = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


def permissions_policy(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Deny every page the devices that none of them uses."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        return response

    return middleware


class StaticFilesMiddleware(WhiteNoiseMiddleware):  # type: ignore[misc]  # untyped
    """Serves static files as whole responses.

    WhiteNoise streams them, which under ASGI makes Django warn and read the file in a thread for each chunk;
    ours are a few kilobytes each.
    """

    def serve(self, static_file: StaticFile, request: HttpRequest) -> HttpResponse:
        """Answer with the file, or with 304 when the browser has it."""
        answer = static_file.get_response(request.method, request.META)
        headers = dict(answer.headers)
        body = b""
        if answer.file is not None:
            with answer.file:
                body = answer.file.read()
        if answer.status == HTTPStatus.OK and request.path_info.endswith(".js") and "Content-Encoding" not in headers:
            body = name_versions(body, name=request.path_info.removeprefix(self.static_prefix))
            headers["Content-Length"] = str(len(body))
        return HttpResponse(body, status=int(answer.status), headers=headers)
