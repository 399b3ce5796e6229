"""`workstate doctor`: check the whole set-up and say how to mend what is wrong."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings

from workstate.cli.supervisor.lock import recorded_address
from workstate.cli.terminal import Colour, paint, paragraph, wants_colour
from workstate.core.health import checks
from workstate.core.health.findings import Finding, Level, worst_level
from workstate.core.health.registry import Context, known_tags, run_checks

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["checks", "run"]  # importing the checks registers them

MARKS = {
    Level.OK: ("ok", Colour.GREEN),
    Level.WARNING: ("warning", Colour.YELLOW),
    Level.ERROR: ("error", Colour.RED),
}
MARK_COLUMNS = max(len(word) for word, _ in MARKS.values())
VERDICTS = {
    Level.OK: "All is well.",
    Level.WARNING: "It works, but not everything is as it should be.",
    Level.ERROR: "Something needs to be mended.",
}


def run(arguments: Sequence[str]) -> int:
    """Print what the checks found; return 0 when all is well, 1 for warnings, 2 for errors."""
    options = _parser().parse_args(arguments)
    context = Context(
        is_deep=options.deep,
        web_address=options.address or recorded_address(settings.DATA_DIR),
        patience=timedelta(seconds=options.patience),
    )
    findings = run_checks(context, only=options.only)
    level = worst_level(findings)
    print(_as_json(findings, level) if options.json else _as_text(findings, level))
    return level.value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="workstate doctor",
        description="Check the whole set-up. The exit code is 0 when all is well, 1 for warnings, 2 for errors.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object, for programs")
    parser.add_argument(
        "--only",
        action="append",
        choices=known_tags(),
        default=[],
        metavar="TAG",
        help=f"run only these checks; may be repeated: {', '.join(known_tags())}",
    )
    parser.add_argument("--deep", action="store_true", help="also ping every worker")
    parser.add_argument(
        "--address", metavar="URL", help="where the web answers (default: where `workstate up` runs it)"
    )
    parser.add_argument(
        "--patience",
        type=float,
        default=10,
        metavar="SECONDS",
        help="how long to wait for a job (default: %(default)s)",
    )
    return parser


def _as_json(findings: list[Finding], level: Level) -> str:
    described = [{**asdict(finding), "level": finding.level.name.lower()} for finding in findings]
    return json.dumps({"level": level.name.lower(), "findings": described}, indent=2)


def _as_text(findings: list[Finding], level: Level) -> str:
    return "\n".join([*(_describe(finding) for finding in findings), "", VERDICTS[level]])


def _describe(finding: Finding) -> str:
    word, colour = MARKS[finding.level]
    mark = paint(f"{word:<{MARK_COLUMNS}}", colour, colourful=wants_colour(sys.stdout))
    indent = MARK_COLUMNS + 2
    lines = [f"{mark}  {paragraph(f'{finding.name}: {finding.what}', indent=indent).lstrip()}"]
    if finding.why:
        lines.append(paragraph(f"Why it matters: {finding.why}.", indent=indent))
    if finding.command:
        lines.append(f"{' ' * indent}$ {finding.command}")
    return "\n".join(lines)
