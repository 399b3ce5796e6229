"""The documentation as tests read it: pages, headings, links, and fences with their marks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[2]
FENCE = re.compile(r"^( *)```(\S*)([^\n]*)\n(.*?)^\1```$", re.DOTALL | re.MULTILINE)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
INLINE_CODE = re.compile(r"(?<!`)`([^`\n]+(?:\n[^`\n]+)?)`(?!`)")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
WORK_IN_PROGRESS = frozenset({".venv", "var"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """A piece of code in a page; `run` is what its marks say it is for."""

    page: str
    line: int
    language: str
    is_run: bool
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@cache
def pages() -> tuple[Path, ...]:
    """Return every page of the documentation."""
    found = [*REPOSITORY.glob("*.md"), *REPOSITORY.glob("docs/**/*.md"), *REPOSITORY.glob("examples/**/*.md")]
    return tuple(sorted(page for page in found if not WORK_IN_PROGRESS & set(page.parts)))


@cache
def read(page: Path) -> str:
    """Return the text of a page."""
    return page.read_text()


def name_of(page: Path) -> str:
    """Return what a page is called in a test's id."""
    return str(page.relative_to(REPOSITORY))


def fences(page: Path) -> list[Fence]:
    """Return the fences of a page."""
    text = read(page)
    return [
        Fence(
            page=name_of(page),
            line=text.count("\n", 0, found.start()) + 1,
            language=found[2],
            is_run="run" in found[3].split(),
            text=re.sub(rf"^{found[1]}", "", found[4], flags=re.MULTILINE),
        )
        for found in FENCE.finditer(text)
    ]


def all_fences(language: str) -> list[Fence]:
    """Return the fences of all pages in one language."""
    return [fence for page in pages() for fence in fences(page) if fence.language == language]


def prose(page: Path) -> str:
    """Return a page without its fences."""
    return FENCE.sub("", read(page))


def inline_code(page: Path) -> Iterator[str]:
    """Yield what stands between single backticks."""
    for found in INLINE_CODE.finditer(prose(page)):
        yield " ".join(found[1].split())


def links(page: Path) -> list[str]:
    """Return the targets of a page's links."""
    return LINK.findall(INLINE_CODE.sub(_without_brackets, prose(page)))


def anchors(page: Path) -> set[str]:
    """Return the names under which a page's headings can be linked to."""
    return {_slug(heading) for heading in HEADING.findall(prose(page))}


def table_rows(page: Path, heading: str) -> list[list[str]]:
    """Return the cells of the tables under a heading, without their heads, up to the next heading of any level."""
    _, _, rest = prose(page).partition(f"\n{heading}\n")
    assert rest, f"{name_of(page)} has no heading {heading!r}"
    section = re.split(r"^#+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    heads = {index for index, line in enumerate(lines) if re.fullmatch(r"[|\- ]+", line)}
    return [
        [cell.strip() for cell in line.strip("|").split("|")]
        for index, line in enumerate(lines)
        if index not in heads and index + 1 not in heads
    ]


def _slug(heading: str) -> str:
    kept = re.sub(r"[^\w\- ]", "", heading.lower())
    return kept.replace(" ", "-")


def _without_brackets(found: re.Match[str]) -> str:
    # The text of a link may be code; code may not be a link.
    return re.sub(r"[\[\]()]", "", found[0])
