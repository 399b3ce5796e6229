"""Makes the pictures of the documentation: starts Workstate with demo data, signs in, and takes them.

    python docs/images/make_pictures.py [--port 8765]

Needs Chromium, and the development requirements. The pictures are written beside this file.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import Browser, Page, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
DEFAULT_PORT = 8765
WIDTH, HEIGHT = 1280, 800
EMAIL = "amina.okafor@northside.example"
PASSWORD_LINE = re.compile(r"password\s+(\S+)  \(shown only this once\)")
WORK, PROJECT = "Pump replaced, circuit 2", "Heating renewal (Old mill offices)"


def main() -> None:
    """Take every picture."""
    port = _parser().parse_args().port
    with (
        tempfile.TemporaryDirectory() as data,
        _workstate(Path(data), port) as password,
        sync_playwright() as playwright,
    ):
        executable = str(CHROMIUM) if CHROMIUM.exists() else None
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_ARGUMENTS)
        page = _signed_in(browser, f"http://localhost:{port}", password)
        _start_timer(page)
        page.screenshot(path=HERE / "time.png")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Make the pictures of the documentation.")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT)
    return parser


@contextmanager
def _workstate(data: Path, port: int) -> Iterator[str]:
    """Run Workstate with demo data and yield the password that it prints."""
    command = [sys.executable, "-m", "workstate.cli", "up", "--demo", "--port", str(port), "--data", str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603  our own command, no shell
        try:
            assert process.stdout
            yield next(found[1] for line in process.stdout if (found := PASSWORD_LINE.search(line)))
        finally:
            process.terminate()
            process.communicate()


def _signed_in(browser: Browser, address: str, password: str) -> Page:
    context = browser.new_context(
        base_url=address, viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light", reduced_motion="reduce"
    )
    page = context.new_page()
    page.goto("/account/sign-in/")
    page.get_by_label("Email").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/time/")
    return page


def _start_timer(page: Page) -> None:
    """Start a timer, and wait until the page shows it and is live."""
    page.get_by_label("What are you working on?").fill(WORK)
    page.get_by_label("Project").select_option(label=PROJECT)
    page.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="Stop").wait_for()
    page.locator("[data-live-status]", has_text="Live").wait_for()
    page.mouse.move(0, HEIGHT)
    page.evaluate("document.activeElement.blur()")
    page.wait_for_timeout(2_500)  # a running timer that shows more than nothing


if __name__ == "__main__":
    main()
