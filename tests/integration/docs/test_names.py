"""What the pages name exists: commands, options, make targets, settings, variables, constants, states."""

from __future__ import annotations

import argparse
import importlib
import re
import shlex
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from benchmarks.budgets import budgets
from celery.app.defaults import NAMESPACES, flatten
from celery.bin.celery import celery as celery_program
from django.core.management import get_commands, load_command_class

from documents import REPOSITORY, all_fences, inline_code, pages, prose, read, table_rows
from workstate.cli import COMMANDS
from workstate.core.configuration import DEFAULTS
from workstate.core.jobs.states import State

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

REFERENCE = REPOSITORY / "docs" / "reference"
SETTINGS, COMMANDS_PAGE = REFERENCE / "settings.md", REFERENCE / "commands.md"
GLOSSARY = REPOSITORY / "docs" / "glossary.md"
TROUBLESHOOTING = REPOSITORY / "docs" / "troubleshooting.md"
CELERY_SETTINGS = {f"CELERY_{name.upper()}" for name, _ in flatten(NAMESPACES)}
PROGRAMS = {"make", "workstate", "celery", "python", "uvicorn", "sqlite3"}
READ_FROM_ENVIRONMENT = re.compile(r'(?:os\.environ\.get|_switched_on|_listed|_number)\("(\w+)"')
READ_FROM_SETTINGS = re.compile(r'getattr\(settings, "(WORKSTATE_\w+)"')
MAKE_TARGETS = set(re.findall(r"^([a-z-]+):.*## ", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
SHORTEST_PIECE = 10
OF_OTHERS = ("`database is locked`", "`SecurityWarning: ")
OPTION = re.compile(r"--[a-z][a-z-]*")


def written_commands() -> Iterator[tuple[str, list[str]]]:
    """Yield every command of the pages: the lines of shell fences, and code that begins as one."""
    for fence in all_fences("sh"):
        for line in filter(None, fence.text.splitlines()):
            yield str(fence), shlex.split(line, comments=True)
    for page in pages():
        for code in inline_code(page):
            words = code.split()
            if words[0] in PROGRAMS and len(words) > 1 and "…" not in words[1]:
                yield f"{page.name}: {code}", words


WRITTEN = [(where, words) for where, words in written_commands() if words]


def sources(*folders: str) -> Iterator[str]:
    for folder in folders:
        for path in (REPOSITORY / folder).rglob("*.py"):
            yield path.read_text()


def found_in_sources(pattern: re.Pattern[str], *folders: str) -> set[str]:
    return {name for text in sources(*folders) for name in pattern.findall(text)}


def names_in(page: Path, heading: str) -> list[str]:
    """Return the first cells of the tables under a heading, without backticks."""
    return [row[0].strip("`") for row in table_rows(page, heading)]


def options_of(words: Sequence[str]) -> set[str]:
    return {found[0] for word in words if (found := OPTION.match(word))}


def test_shell_fences_use_programs_that_a_reader_has():
    assert {words[0] for where, words in WRITTEN} <= PROGRAMS


def test_make_targets_exist_and_all_of_them_are_described():
    named = {words[1] for _, words in WRITTEN if words[0] == "make"}
    assert named <= MAKE_TARGETS
    assert {name.removeprefix("make ") for name in names_in(COMMANDS_PAGE, "## make")} == MAKE_TARGETS


@pytest.mark.parametrize(
    ("where", "words"), [(where, words) for where, words in WRITTEN if words[0] == "workstate"], ids=str
)
def test_workstate_commands_and_their_options_exist(where: str, words: list[str]):
    assert words[1] in COMMANDS, where
    assert options_of(words) <= workstate_options(words[1]), where


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_the_workstate_command_is_described(command: str):
    assert set(names_in(COMMANDS_PAGE, f"### workstate {command}")) == workstate_options(command) - {"--help"}


def workstate_options(command: str) -> set[str]:
    return long_options(importlib.import_module(f"workstate.cli.{command}")._parser())


def long_options(parser: argparse.ArgumentParser) -> set[str]:
    """Return the options of a command, with those of its actions."""
    found = {option for action in parser._actions for option in action.option_strings if option.startswith("--")}
    actions = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    return found.union(*(long_options(parser) for action in actions for parser in action.choices.values()))


@pytest.mark.parametrize(
    ("where", "words"), [(where, words) for where, words in WRITTEN if words[0] == "celery"], ids=str
)
def test_celery_commands_and_their_options_exist(where: str, words: list[str]):
    after_application = words[3:] if words[1] == "-A" else words[1:]
    if not after_application or after_application[0] == "…":
        return
    name, *rest = after_application[0].split("|")[0], *after_application[1:]
    assert name in celery_program.commands, where
    known = {option for parameter in celery_program.commands[name].params for option in parameter.opts}
    assert options_of(rest) <= known | {"--timeout"}, where


@pytest.mark.parametrize(
    ("where", "words"), [(where, words) for where, words in WRITTEN if words[1] == "manage.py"], ids=str
)
def test_management_commands_and_their_options_exist(where: str, words: list[str]):
    applications = get_commands()
    name, *rest = words[2:]
    assert name in applications, where
    if options_of(rest):
        parser = load_command_class(applications[name], name).create_parser("manage.py", name)
        known = {option for action in parser._actions for option in action.option_strings}
        assert options_of(rest) <= known, where


def test_variables_that_are_read_are_described_and_the_others_are_not():
    described = names_in(SETTINGS, "## Environment")
    of_tests, of_every_terminal = {"TEST_POSTGRESQL_URL", "TEST_RABBITMQ_URL", "CI"}, {"TERM"}
    assert set(described) - of_tests == found_in_sources(READ_FROM_ENVIRONMENT, "src") - of_every_terminal
    assert of_tests <= found_in_sources(READ_FROM_ENVIRONMENT, "tests")


def test_own_settings_that_are_read_are_described():
    described = {row[0].strip("`") for row in table_rows(SETTINGS, "## Settings of Workstate")}
    assert described == set(DEFAULTS)
    assert found_in_sources(READ_FROM_SETTINGS, "src") == set()


def test_celery_settings_that_are_named_exist():
    named = {name for page in pages() for name in re.findall(r"\bCELERY_[A-Z_]+\b", read(page))}
    assert named <= CELERY_SETTINGS


@pytest.mark.parametrize("row", table_rows(SETTINGS, "## What is fixed"), ids=lambda row: row[0].strip("`"))
def test_fixed_values_are_those_of_the_code(row: list[str]):
    module, _, name = row[0].strip("`").rpartition(".")
    value = getattr(importlib.import_module(module), name)
    seconds = value.total_seconds() if isinstance(value, timedelta) else value
    assert float(row[1].split()[0]) == seconds


def test_reasons_of_dead_letters_are_those_of_the_code():
    rows = table_rows(TROUBLESHOOTING, "## A job ended badly")
    named = {reason.rstrip("…") for row in rows for reason in re.findall(r"`([^`]+)`", row[0])}
    of_celery = {"revoked", "terminated", "expired"}
    text = "".join(sources("src/workstate/core"))
    assert [reason for reason in named - of_celery if f'"{reason}' not in text] == []


def test_messages_that_are_explained_are_written_by_the_code():
    text = "".join(sources("src/workstate"))
    for message, *_ in table_rows(TROUBLESHOOTING, "## Messages"):
        # Numbers and what stands for the rest are filled in when it is written.
        pieces = [piece.strip() for piece in re.split(r"[\d.]*\d|…", message.strip("`"))]
        is_ours = any(len(piece) >= SHORTEST_PIECE and piece in text for piece in pieces)
        assert is_ours or message.startswith(OF_OTHERS), message


def test_states_of_the_glossary_are_those_of_the_code():
    assert names_in(GLOSSARY, "## States of a job") == [state.value for state in State]


def test_budgets_are_those_that_the_benchmarks_print():
    cells = [cell for row in table_rows(REPOSITORY / "ARCHITECTURE.md", "## Budgets") for cell in row[1].split(", ")]
    limit = re.compile(r"[≥≤] [\d.]+")
    assert {limit.search(cell)[0] for cell in cells} == {limit.search(str(budget))[0] for budget in budgets()}


def test_modules_and_files_that_are_named_exist():
    for page in pages():
        for path in re.findall(r"`((?:core|cli|web|apps)/[\w/.]+)`", prose(page)):
            assert (REPOSITORY / "src" / "workstate" / path).exists(), f"{page.name}: {path}"
