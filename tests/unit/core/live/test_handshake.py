from __future__ import annotations

import pytest

from workstate.core.live.handshake import comes_from_here, is_read_from_here


def scope(*origins: str, host: str = "localhost:8000", scheme: str = "ws", more: list | None = None) -> dict:
    headers = [(b"host", host.encode()), *((b"origin", origin.encode("latin1")) for origin in origins), *(more or [])]
    return {"type": "websocket", "scheme": scheme, "path": "/ws/live/", "query_string": b"", "headers": headers}


@pytest.mark.parametrize(
    ("origin", "host", "scheme"),
    [
        ("http://localhost:8000", "localhost:8000", "ws"),
        ("http://localhost", "localhost", "ws"),
        ("http://localhost:80", "localhost", "ws"),
        ("https://localhost", "localhost", "wss"),
        ("https://localhost", "localhost:443", "wss"),
        ("http://[::1]:8000", "[::1]:8000", "ws"),
        ("http://LOCALHOST:8000", "localhost:8000", "ws"),
    ],
)
def test_page_of_this_site_may_open_a_socket(origin, host, scheme):
    assert comes_from_here(scope(origin, host=host, scheme=scheme))


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://localhost:8001",
        "http://localhost",
        "https://localhost:8000",
        "http://localhost.evil.example:8000",
        "http://localhost:8000@evil.example",
        "http://localhost:99999",
        "http://[bad",
        "file://",
        "null",
        "",
        "é",
        "ws://localhost:8000",
    ],
)
def test_foreign_page_may_not(origin):
    assert not comes_from_here(scope(origin))


def test_client_that_names_no_origin_or_two_may_not():
    assert not comes_from_here(scope())
    assert not comes_from_here(scope("http://localhost:8000", "http://localhost:8000"))


def test_host_that_the_site_does_not_have_is_foreign(settings):
    settings.ALLOWED_HOSTS = ["work.example"]
    assert not comes_from_here(scope("http://localhost:8000"))


def test_trusted_origins_may_with_their_scheme_and_port(settings):
    settings.CSRF_TRUSTED_ORIGINS = ["https://work.example", "https://*.team.example:8443"]
    assert comes_from_here(scope("https://work.example"))
    assert comes_from_here(scope("https://a.team.example:8443"))
    assert not comes_from_here(scope("http://work.example"))
    assert not comes_from_here(scope("https://a.team.example"))
    assert not comes_from_here(scope("https://steam.example:8443"))


def test_scheme_is_the_one_that_the_proxy_tells_of(settings):
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.ALLOWED_HOSTS = ["work.example"]
    behind = scope("https://work.example", host="work.example", more=[(b"x-forwarded-proto", b"https")])
    assert comes_from_here(behind)
    assert not comes_from_here(scope("https://work.example", host="work.example"))


@pytest.mark.parametrize(
    ("headers", "is_own"),
    [
        ({}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"origin": "http://localhost:8000"}, True),
        ({"origin": "http://localhost:8001"}, False),
        ({"origin": "null", "sec-fetch-site": "same-origin"}, False),
    ],
)
def test_event_stream_is_for_pages_of_this_site_and_for_programs(headers, is_own):
    more = [(name.encode(), value.encode()) for name, value in headers.items()]
    assert is_read_from_here(scope(more=more)) is is_own


def test_event_stream_of_a_host_that_the_site_does_not_have_is_foreign(settings):
    settings.ALLOWED_HOSTS = ["work.example"]
    assert not is_read_from_here(scope())
