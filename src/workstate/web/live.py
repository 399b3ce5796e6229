"""Which streams a page follows, and from where: read before the page reads anything else.

The middleware follows the person's own stream for every page. A view that shows more (a job, say) calls
`follow(request, "job:…")` first thing. The frame writes the positions into the page, and live.js goes on from them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workstate.core import live

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

PAGE_METHODS = frozenset({"GET", "HEAD"})


def follow(request: HttpRequest, stream: str) -> None:
    """Have the page that is about to be rendered follow a stream from its present end."""
    streams = get_followed(request)
    if stream not in streams:
        streams[stream] = live.position(stream)


def get_followed(request: HttpRequest) -> dict[str, str]:
    """Return the streams that the page follows, each with the position it was rendered at."""
    streams: dict[str, str] = request.__dict__.setdefault("live_streams", {})
    return streams


def follow_own_stream(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Have every whole page of a signed-in person follow their own stream; fragments ride on their page's socket."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        is_page = request.method in PAGE_METHODS and "HX-Request" not in request.headers
        if is_page and request.user.is_authenticated:
            follow(request, f"user:{request.user.pk}")
        return get_response(request)

    return middleware
