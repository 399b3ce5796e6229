"""The command: `python -m benchmarks [names] [--systems …] [--quick] [--json FILE]`."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import machine, measures, report, run, services
from benchmarks.sizes import QUICK, Sizes

if TYPE_CHECKING:
    from collections.abc import Sequence

EXIT_VOID = 1
EXIT_NO_REDIS = 2


def main(arguments: Sequence[str]) -> int:
    """Take the samples that were asked for and print the report; 1 when a sample was void."""
    options = _parser().parse_args(arguments)
    try:
        services.require_redis()
    except services.ServiceMissingError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return EXIT_NO_REDIS
    described = machine.describe()
    results = run.take(options.measures or list(measures.ALL), options.systems, _sizes(options))
    print(report.render(results, described))
    if options.json:
        report.write_json(results, described, options.json)
    return EXIT_VOID if results.void() else 0


def _parser() -> argparse.ArgumentParser:
    known = run.known_systems()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Workstate and its peers, in one run.")
    parser.add_argument("measures", nargs="*", type=_measure, metavar="measure", help=", ".join(measures.ALL))
    parser.add_argument("--systems", nargs="+", choices=known, default=known, metavar="NAME", help=", ".join(known))
    parser.add_argument("--quick", action="store_true", help="tiny sizes, one repetition: only shows that it works")
    parser.add_argument("--repetitions", type=int, metavar="N", help="how often each sample is taken (default: 3)")
    parser.add_argument("--rows", type=int, metavar="N", help="how much history `history` has (default: 2,000,000)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure to this file too")
    return parser


def _measure(name: str) -> str:
    if name not in measures.ALL:
        raise argparse.ArgumentTypeError(f"{name} is not a measure: there are {', '.join(measures.ALL)}")
    return name


def _sizes(options: argparse.Namespace) -> Sizes:
    sizes = QUICK if options.quick else Sizes()
    chosen = {"repetitions": options.repetitions, "history": options.rows}
    return replace(sizes, **{name: value for name, value in chosen.items() if value})


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
