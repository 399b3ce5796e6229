"""Links lead somewhere, and every page is led to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from documents import REPOSITORY, anchors, links, name_of, pages

if TYPE_CHECKING:
    from pathlib import Path

LARGEST_PICTURE_BYTES = 200_000
PICTURES = sorted(REPOSITORY.glob("docs/images/*.png"))


def local_links(page: Path) -> list[tuple[Path, str]]:
    """Return (file, anchor) of the links of a page that stay in the repository."""
    parts = [link.partition("#") for link in links(page) if "://" not in link]
    return [((page.parent / path).resolve() if path else page, anchor) for path, _, anchor in parts]


@pytest.mark.parametrize("page", pages(), ids=name_of)
def test_links_lead_to_files_and_headings_that_exist(page: Path):
    for target, anchor in local_links(page):
        assert target.exists(), f"{name_of(page)} links to {target}"
        assert not anchor or anchor in anchors(target), f"{name_of(page)} links to {name_of(target)}#{anchor}"


def test_every_page_is_reached_from_the_readme():
    reached = {REPOSITORY / "README.md"}
    to_read = list(reached)
    while to_read:
        found = {target for target, _ in local_links(to_read.pop()) if target.suffix == ".md"} - reached
        reached |= found
        to_read += found
    assert set(pages()) <= reached


@pytest.mark.parametrize("picture", PICTURES, ids=name_of)
def test_pictures_are_shown_and_small(picture: Path):
    assert picture in {target for page in pages() for target, _ in local_links(page)}
    assert picture.stat().st_size < LARGEST_PICTURE_BYTES
