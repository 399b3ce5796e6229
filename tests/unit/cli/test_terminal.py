from __future__ import annotations

from workstate.cli.terminal import COLUMNS, paragraph, table


def test_figures_end_at_the_right() -> None:
    assert table(("queue", "waiting"), [("default", "1,200"), ("ai", "3")], figures=(1,)) == (
        "  queue    waiting\n  default    1,200\n  ai             3"
    )


def test_paragraphs_fit_the_screen_and_keep_addresses_whole() -> None:
    address = "http://localhost:8000/" + "x" * 70
    lines = paragraph("word " * 30 + address, indent=4).splitlines()
    assert address in [line.strip() for line in lines]
    assert all(len(line) <= COLUMNS for line in lines if address not in line)
