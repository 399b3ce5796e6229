from __future__ import annotations

import io
from typing import TYPE_CHECKING

from workstate.cli.supervisor.output import LONGEST_LINE_BYTES, Lines, Output

if TYPE_CHECKING:
    import pytest


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_are_gathered_from_pieces() -> None:
    lines = Lines()
    assert lines.feed(b"one\ntw") == ["one"]
    assert lines.feed(b"o\r\n\nthree") == ["two", ""]
    assert lines.finish() == ["three"]
    assert lines.finish() == []


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    assert Lines().feed(b"\xff\n") == ["\ufffd"]


def test_line_without_an_end_does_not_fill_the_memory() -> None:
    [line] = Lines().feed(b"x" * (LONGEST_LINE_BYTES + 1))
    assert len(line) == LONGEST_LINE_BYTES + 1


def test_names_are_coloured_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert "\033[" in said_to(Terminal())
    assert said_to(io.StringIO()) == "web       | hello\n"


def test_no_color_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert said_to(Terminal()) == "web       | hello\n"


def said_to(stream: io.StringIO) -> str:
    Output(["web"], stream).say("hello", name="web")
    return stream.getvalue()
