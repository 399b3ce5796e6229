"""What every page holds, also one that somebody adds tomorrow: accessible, in both themes, at a desk and on a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from webbench.addresses import list_addresses
from webbench.pages import assert_good_everywhere

if TYPE_CHECKING:
    from playwright.sync_api import Page

ENDLESS = "/live/"  # streams
ADDRESSES = sorted({address for address in list_addresses() if not address.startswith(ENDLESS)})


@pytest.mark.parametrize("viewer", ["administrator", "stranger"])
def test_every_page_is_good_everywhere(server, browser_page, sign_in, viewer):
    if viewer == "administrator":
        sign_in(browser_page, server.new_person())
    pages = [address for address in [*ADDRESSES, "/nothing/here/"] if is_page(browser_page, address)]
    assert len(pages) > 3
    for address in pages:
        browser_page.goto(address)
        assert_good_everywhere(browser_page)


def is_page(page: Page, address: str) -> bool:
    response = page.context.request.get(address, max_redirects=0)
    return response.status in {200, 404} and "</html>" in response.text()
