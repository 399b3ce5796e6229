from __future__ import annotations

import runpy
from pathlib import Path

EXAMPLES = Path(__file__).parents[3] / "examples" / "imports"


def test_script_makes_the_shipped_samples_byte_for_byte():
    make_samples = runpy.run_path(str(EXAMPLES / "make_samples.py"))["make_samples"]
    for name, content in make_samples().items():
        assert (EXAMPLES / name).read_bytes() == content
        assert content.count(b"\n") == 5001


def test_another_seed_makes_other_bytes():
    make_samples = runpy.run_path(str(EXAMPLES / "make_samples.py"))["make_samples"]
    assert make_samples(seed=1, rows=50) != make_samples(seed=2, rows=50)
