"""`workstate prune`: remove now what the workers would remove in their turn."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from django.db import Error as DatabaseError

from workstate.cli import EXIT_CANNOT, EXIT_OK
from workstate.core.jobs.connections import ledger_alias
from workstate.core.retention import Pruner, count_prunable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from workstate.core.retention import PruningReport


def run(arguments: Sequence[str]) -> int:
    """Prune, or count what would be pruned; return 0, or 2 when the database cannot be used."""
    options = _parser().parse_args(arguments)
    try:
        print(_count(as_json=options.json) if options.dry_run else _prune(as_json=options.json))
    except DatabaseError as error:
        print(
            f"workstate: the database cannot be used: {str(error).strip()} (`workstate doctor` says what to do)",
            file=sys.stderr,
        )
        return EXIT_CANNOT
    return EXIT_OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="workstate prune",
        description="Remove history whose time is over, as the workers do by themselves once in a minute.",
        epilog="How long what is kept stands in the settings: WORKSTATE and CELERY_RESULT_EXPIRES.",
    )
    parser.add_argument("--dry-run", action="store_true", help="only count the jobs and live events; remove nothing")
    parser.add_argument("--json", action="store_true", help="print one JSON object, for programs")
    return parser


def _count(*, as_json: bool) -> str:
    rows = count_prunable(ledger_alias())
    return json.dumps({"rows": rows}) if as_json else f"Would remove {_listing(rows)}."


def _prune(*, as_json: bool) -> str:
    report = Pruner(ledger_alias()).prune()
    return json.dumps(asdict(report)) if as_json else _describe(report)


def _describe(report: PruningReport) -> str:
    text = f"Removed {_listing(report.rows)}."
    if any(report.rows.values()):
        text += f" The longest of {report.portions} portions took {report.longest_portion_seconds:.3f} s."
    return text


def _listing(rows: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in rows.items() if count) or "nothing"
