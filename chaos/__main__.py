"""The command: `python -m chaos [--lane NAME] [--seed N] [--jobs N] [--faults N] [--minutes N] [--directory PATH]`."""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from chaos.lanes import LANES
from chaos.run import Run, Sizes
from chaos.servers import ServerMissingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from chaos.run import Verdict

EXIT_VIOLATED = 1
EXIT_SERVER_MISSING = 2
SHOWN_VIOLATIONS = 20


def main(arguments: Sequence[str]) -> int:
    """Carry out one run and print its verdict; 1 when an invariant was violated, 2 when a server is not installed."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # who is asked to end ends its processes first
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)  # a shell has what it runs behind itself ignore it, children too
    options = _parser().parse_args(arguments)
    directory = _directory(options)
    sizes = Sizes(
        lane=options.lane, seed=options.seed, jobs=options.jobs, faults=options.faults, minutes=options.minutes
    )
    print(f"chaos: {sizes}\nchaos: again with {_command(sizes)}\nchaos: logs in {directory}", flush=True)
    began = monotonic()
    try:
        verdict = Run(
            sizes, directory, lambda text: print(f"{monotonic() - began:6.1f}  {text}", flush=True)
        ).carry_out()
    except ServerMissingError as error:
        print(f"chaos: {error}", file=sys.stderr)
        return EXIT_SERVER_MISSING
    _print_verdict(verdict)
    if verdict.violations:
        print(f"chaos: VIOLATED; journals, logs and database are kept in {directory}\nchaos: {_command(sizes)}")
        return EXIT_VIOLATED
    if not options.directory:
        shutil.rmtree(directory)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m chaos", description="Many processes at work while faults strike.")
    parser.add_argument("--lane", choices=LANES, default="sqlite", help="who keeps and carries the jobs")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="repeats the plan of a run")
    parser.add_argument("--jobs", type=int, default=100_000, help="how many are committed at least (default: 100000)")
    parser.add_argument("--faults", type=int, default=200, help="how many strike (default: 200)")
    parser.add_argument(
        "--minutes", type=float, default=60, help="strike no more after so many, and judge (default: 60)"
    )
    parser.add_argument("--directory", type=Path, help="keep journals and logs in this new directory")
    return parser


def _directory(options: argparse.Namespace) -> Path:
    if options.directory:
        options.directory.mkdir(parents=True)
        directory: Path = options.directory.resolve()
    else:
        directory = Path(tempfile.mkdtemp(prefix=f"chaos-{options.lane}-{options.seed}-"))
    directory.chmod(0o755)  # a server may run as another user
    return directory


def _command(sizes: Sizes) -> str:
    options = f"--lane {sizes.lane} --seed {sizes.seed} --jobs {sizes.jobs} --faults {sizes.faults}"
    return f'make chaos ARGS="{options} --minutes {sizes.minutes:g}"'


def _print_verdict(verdict: Verdict) -> None:
    struck = {name: verdict.struck.count(name) for name in sorted(set(verdict.struck))}
    print(f"\n{len(verdict.struck)} faults in {verdict.seconds:.0f} s: {_listed(struck)}")
    print(f"{sum(verdict.jobs.values())} jobs: {_listed(verdict.jobs)}; {verdict.repeated} began more than once")
    for name, violations in verdict.violations.items():
        print(f"\nVIOLATED: {name.replace('_', ' ')} ({len(violations)})")
        for violation in violations[:SHOWN_VIOLATIONS]:
            print(f"  {violation}")
    if not verdict.violations:
        print("Every invariant holds.")


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
