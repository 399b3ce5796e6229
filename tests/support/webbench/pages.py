"""Browser pages that notice what is wrong with them, and checks that every page has to pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axe_playwright_python.sync_playwright import Axe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from playwright.sync_api import ConsoleMessage, Page, Response

SESSION_COOKIE = "workstate_session"
EXPECTED_IN_CONSOLE = (
    "Failed to load resource",  # said of every answer from 400 on; those that matter are caught by their response
    "WebSocket is closed before the connection is established",  # said when a page is left at once
)
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
CONTRAST = ["color-contrast"]

# A colour that is half-way from one theme to the other is nobody's design.
TRANSITIONS_ENDED = """() => Promise.allSettled(
    document.getAnimations().filter((each) => each instanceof CSSTransition).map((each) => each.finished)
)"""


class Watch:
    """Collects errors of scripts, of the content security policy, and of files that a page asked for."""

    def __init__(self, page: Page, *, expected: Sequence[str] = ()) -> None:
        self._expected = (*EXPECTED_IN_CONSOLE, *expected)
        self.complaints: list[str] = []
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        page.on("response", self._on_response)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self._complain(f"console: {message.text}")

    def _on_response(self, response: Response) -> None:
        if response.status >= 500 or (
            response.status >= 400 and response.request.resource_type not in {"document", "xhr"}
        ):
            self._complain(f"{response.status} for {response.url}")

    def _complain(self, complaint: str) -> None:
        if not any(text in complaint for text in self._expected):
            self.complaints.append(complaint)


def assert_accessible(page: Page, rules: Sequence[str] = WCAG) -> None:
    """Fail with axe's report when the page as it stands violates WCAG 2.2 AA or a best practice."""
    page.evaluate(TRANSITIONS_ENDED)
    results = Axe().run(page, options={"runOnly": [*rules], "resultTypes": ["violations"]})
    assert not results.response["violations"], results.generate_report()


def assert_fits(page: Page) -> None:
    """Fail when the page scrolls sideways."""
    widths: dict[str, Any] = page.evaluate(
        "() => ({page: document.documentElement.scrollWidth, window: document.documentElement.clientWidth})"
    )
    assert widths["page"] <= widths["window"], widths


def assert_good_everywhere(page: Page) -> None:
    """Hold the page to both themes and to the widths of a desk and a phone."""
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 844})
        assert_fits(page)
        for scheme, rules in (("dark", CONTRAST), ("light", WCAG)):  # a theme changes nothing but colours
            page.emulate_media(color_scheme=scheme)
            assert_accessible(page, rules)
