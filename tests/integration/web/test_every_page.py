"""What holds for every page of the product, also for those that are added later."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from workstate.web.middleware import PERMISSIONS_POLICY

LARGEST_PAGE_BYTES = 100_000


class InlineFinder(HTMLParser):
    """Collects what the content security policy would block."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        is_inline = tag == "style" or (tag == "script" and "src" not in names)
        handlers = [name for name in names if name == "style" or name.startswith(("on", "hx-on"))]
        if is_inline or handlers:
            self.found.append(self.get_starttag_text())


def test_the_pages_are_found(pages):
    names = [name for name, _ in pages]
    assert "administrator at /team/" in names
    assert "stranger at /account/sign-in/" in names


def test_nothing_is_inline(pages):
    for name, page in pages:
        finder = InlineFinder()
        finder.feed(page.content.decode())
        assert finder.found == [], name


@pytest.mark.parametrize(
    "directive",
    ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"],
)
def test_the_policy_allows_nothing_from_elsewhere(pages, directive):
    for name, page in pages:
        policy = page.headers["Content-Security-Policy"]
        assert directive in policy.split("; "), name
        assert "unsafe" not in policy, name


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("X-Content-Type-Options", "nosniff"),
        ("X-Frame-Options", "DENY"),
        ("Referrer-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Permissions-Policy", PERMISSIONS_POLICY),
    ],
)
def test_browsers_are_told_to_be_careful(pages, header, value):
    assert {page.headers.get(header) for _, page in pages} == {value}


def test_every_page_is_small(pages):
    assert [name for name, page in pages if len(page.content) > LARGEST_PAGE_BYTES] == []


@pytest.mark.parametrize("once", ['<html lang="en">', "<title>", "<h1", "<main"])
def test_every_document_has_a_language_a_title_and_one_main_heading(pages, once):
    documents = {name: page.content.decode() for name, page in pages if page.content.startswith(b"<!doctype html>")}
    assert [name for name, html in documents.items() if html.count(once) != 1] == []


def test_every_page_is_named(pages):
    assert [name for name, page in pages if "<title>Workstate ·" in page.content.decode()] == []
