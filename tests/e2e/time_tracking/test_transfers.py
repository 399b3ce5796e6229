"""Imports and exports with a real worker."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from playwright.sync_api import expect

from webbench.pages import assert_good_everywhere

EXAMPLES = Path(__file__).parents[3] / "examples" / "imports"
PATIENCE_MS = 60_000

pytestmark = pytest.mark.usefixtures("worker")


def import_file(page, path, *, all_mine=False):
    page.goto("/time/imports/")
    page.get_by_label("CSV file").set_input_files(path)
    if all_mine:
        page.get_by_label("All rows are mine").check()
    page.get_by_role("button", name="Import").click()


def test_sample_is_imported_live_then_exported_and_downloaded(open_time):
    page = open_time()
    other = open_time("/time/imports/", context=page.context)
    import_file(page, EXAMPLES / "toggl_track.csv", all_mine=True)
    expect(page.locator("#import progress")).to_be_visible()
    expect(page.locator("#import").get_by_text("Done")).to_be_visible(timeout=PATIENCE_MS)
    taken = page.locator("[data-count=taken]").inner_text()
    assert taken == "4,982"
    expect(page.get_by_role("heading", name="Why rows were skipped")).to_be_visible()
    expect(other.get_by_role("row", name="toggl_track.csv")).to_contain_text(taken)
    assert_good_everywhere(page)

    page.get_by_role("link", name="See its newest week").click()
    expect(page.locator("#week .entry").first).to_be_visible()

    page.goto("/time/exports/")
    page.get_by_label("From").fill("2025-12-01")
    page.get_by_label("To").fill("2026-12-31")
    assert_good_everywhere(page)
    page.get_by_role("button", name="Export").click()
    link = page.get_by_role("link", name="Download the CSV")
    expect(link).to_be_visible(timeout=PATIENCE_MS)
    assert_good_everywhere(page)
    with page.expect_download() as download:
        link.click()
    assert download.value.suggested_filename == "time-2025-12-01-to-2026-12-31.csv"
    with Path(download.value.path()).open(encoding="utf-8-sig", newline="") as file:
        assert sum(1 for _ in csv.DictReader(file)) == 4982


def test_same_file_again_adds_nothing(open_time, tmp_path):
    path = tmp_path / "clockify.csv"
    path.write_text("\n".join((EXAMPLES / "clockify.csv").read_text(encoding="utf-8").splitlines()[:40]))
    page = open_time("/time/imports/")
    for counts in (("39", "0"), ("0", "39")):
        import_file(page, path, all_mine=True)
        expect(page.locator("#import").get_by_text("Done")).to_be_visible(timeout=PATIENCE_MS)
        assert (
            page.locator("[data-count=taken]").inner_text(),
            page.locator("[data-count=repeated]").inner_text(),
        ) == counts


def test_picture_is_refused_with_what_to_do(open_time, tmp_path):
    path = tmp_path / "time.csv"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(2000))
    page = open_time("/time/imports/")
    import_file(page, path)
    expect(page.get_by_role("alert")).to_contain_text("This is a PNG picture, not a CSV file.", timeout=PATIENCE_MS)
    assert_good_everywhere(page)


def test_import_without_a_script_shows_its_end(open_time, tmp_path):
    path = tmp_path / "toggl.csv"
    path.write_bytes(b"\n".join((EXAMPLES / "toggl_track.csv").read_bytes().splitlines()[:30]))
    page = open_time("/time/imports/", javascript=False)
    import_file(page, path, all_mine=True)
    expect(page.locator("#import").get_by_text("Done")).to_be_visible(timeout=PATIENCE_MS)
