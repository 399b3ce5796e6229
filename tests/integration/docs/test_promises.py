"""Every guarantee names its tests, every decision has its parts."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from documents import HEADING, REPOSITORY, links, prose

if TYPE_CHECKING:
    from pathlib import Path

GUARANTEES = REPOSITORY / "docs" / "guarantees.md"
NAMED_TEST = re.compile(r"\[`(test_\w+)`\]\(([^)]+)\)")
NUMBERED = re.compile(r"^### (G\d+) · .*?(?=^##)", re.DOTALL | re.MULTILINE)
DECISIONS = sorted((REPOSITORY / "docs" / "adr").glob("0*.md"))
PARTS = ["Context", "Decision", "Consequences", "Turned down"]


@pytest.mark.parametrize(("name", "path"), NAMED_TEST.findall(prose(GUARANTEES)))
def test_tests_that_guarantees_name_exist(name: str, path: str):
    text = (GUARANTEES.parent / path).read_text()
    assert re.search(rf"^ *(?:async )?def {name}\(", text, re.MULTILINE)


def test_every_guarantee_is_numbered_and_names_a_test():
    found = list(NUMBERED.finditer(prose(GUARANTEES)))
    assert [guarantee[1] for guarantee in found] == [f"G{number}" for number in range(1, len(found) + 1)]
    for guarantee in found:
        assert NAMED_TEST.search(guarantee[0]), guarantee[1]


@pytest.mark.parametrize("decision", DECISIONS, ids=lambda page: page.stem)
def test_decisions_have_their_four_parts(decision: Path):
    _, *parts = HEADING.findall(prose(decision))
    assert parts == PARTS


def test_decisions_are_numbered_without_gaps_and_all_are_listed():
    assert [int(page.stem[:4]) for page in DECISIONS] == list(range(1, len(DECISIONS) + 1))
    listed = [link for link in links(REPOSITORY / "docs" / "adr" / "README.md") if link.startswith("0")]
    assert listed == [page.name for page in DECISIONS]
