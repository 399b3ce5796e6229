"""What a page hears of live events, and what it says of itself."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psutil
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

LISTEN = """() => {
    window.heard = [];
    for (const kind of ["timer", "entry", "reload"]) {
        document.body.addEventListener(`live:${kind}`, (event) => window.heard.push([kind, event.detail]));
    }
}"""
SHOW = """(hidden) => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""
HAPPEN = "(name) => document.dispatchEvent(new Event(name))"
SAID_WHEN_SIGNED_OUT = ["htmx:", "401 for"]  # of fragments that fail, and of the last try to connect
HIDDEN_UNTIL_AWAY_MS = 61_000
PATIENCE_MS = 20_000


def expect_status(page: Page, status: str) -> None:
    """Wait until the page says that it is live, catching up, offline, signed out or paused."""
    shown = page.locator("[data-live-status]")
    expect(shown).to_have_attribute("data-live-status", status, timeout=PATIENCE_MS)
    expect(shown).to_have_text(status)


def heard(page: Page, count: int) -> list[tuple[str, dict[str, Any]]]:
    """Wait until the page has heard so many events; return all that it has, as kind and detail."""
    page.wait_for_function("(count) => window.heard.length >= count", arg=count, timeout=PATIENCE_MS)
    return [(kind, detail) for kind, detail in page.evaluate("window.heard")]


def heard_kinds(page: Page, count: int) -> list[str]:
    """Wait until the page has heard so many events; return the kinds of all that it has."""
    return [kind for kind, _ in heard(page, count)]


def hide(page: Page) -> None:
    """Put the page into the background for so long that it counts as away; its clock is Playwright's."""
    page.evaluate(SHOW, True)
    page.clock.fast_forward(HIDDEN_UNTIL_AWAY_MS)


def show(page: Page) -> None:
    """Bring the page to the front again."""
    page.evaluate(SHOW, False)


def freeze(page: Page) -> None:
    """Tell the page that the browser freezes it: Chromium really does so only to pages in the background.

    A headless browser has no background. `asleep` stops a browser that is told nothing.
    """
    page.evaluate(HAPPEN, "freeze")


def thaw(page: Page) -> None:
    """Tell the page that the browser lets it go on."""
    page.evaluate(HAPPEN, "resume")


@contextmanager
def asleep(browser: Browser) -> Iterator[None]:
    """Stop every process of the browser, as a computer does whose lid is closed."""
    processes = [process for process in psutil.Process().children(recursive=True) if "chrom" in process.name().lower()]
    assert browser.is_connected()
    assert processes
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            process.resume()
