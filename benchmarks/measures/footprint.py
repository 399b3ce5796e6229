"""What everything that `make run` starts weighs, and how soon it is there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from benchmarks.measures.base import Figure, ProductMeasure
from benchmarks.product import Product

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.sizes import Sizes

COLD, WARM, MEMORY = "s to the first page, first start", "s to the first page, warm start", "PSS MB in all"


class Footprint(ProductMeasure):
    """`workstate up`, twice."""

    title = "The whole product"
    method = (
        "`workstate up --demo` on an empty data directory (migrations, demo data), ended, and started again; "
        "seconds until / answers 200; memory (PSS) of supervisor, web, worker and scheduler once all of them run"
    )
    figures = (
        Figure(name=COLD, decimals=1),
        Figure(name=WARM, decimals=1),
        Figure(name=MEMORY, decimals=0),
    )

    def measure(self, directory: Path, sizes: Sizes) -> dict[str, float]:
        with Product(directory / "data") as first:
            cold = first.seconds_to_first_page
        with Product(directory / "data") as second:
            second.wait_until_complete()
            time.sleep(sizes.settle_seconds)
            return {COLD: cold, WARM: second.seconds_to_first_page, MEMORY: second.processes.memory_megabytes()}
