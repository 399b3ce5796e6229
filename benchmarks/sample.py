"""Takes one sample in this process, which does nothing else: `python -m benchmarks.sample drain huey_redis '{…}'`.

The last line on standard output is JSON: the sample, or why there is none.
"""

from __future__ import annotations

import dataclasses
import json
import signal
import sys
import traceback
from typing import Any

from benchmarks import measures
from benchmarks.services import ServiceMissingError
from benchmarks.sizes import Sizes


def main(measure_name: str, system_name: str, sizes: str) -> None:
    """Take the sample and print it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that services are stopped on the way out
    print(json.dumps(_take(measure_name, system_name, Sizes(**json.loads(sizes)))))


def _take(measure_name: str, system_name: str, sizes: Sizes) -> dict[str, Any]:
    try:
        sample = measures.ALL[measure_name].sample(system_name, sizes)
    except ServiceMissingError as error:
        return {"skipped": str(error)}
    except Exception as error:  # noqa: BLE001  whatever a peer raises ends this sample, not the run
        traceback.print_exc()
        return {"void": f"{type(error).__name__}: {error}"}
    return {"sample": dataclasses.asdict(sample)}


if __name__ == "__main__":
    main(*sys.argv[1:])
