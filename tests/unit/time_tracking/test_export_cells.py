from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workstate.apps.time_tracking.services.export_runs import FORMULA_STARTS, neutralise


@pytest.mark.parametrize(
    "cell",
    ["=1+1", "+49 30 1234", "-5", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1", '=HYPERLINK("http://x","y")'],  # noqa: RUF001
)
def test_cell_that_a_spreadsheet_could_run_gets_an_apostrophe(cell):
    assert neutralise(cell) == "'" + cell


@given(st.text())
def test_no_cell_begins_like_a_formula_and_no_other_is_changed(cell):
    safe = neutralise(cell)
    assert not safe.startswith(FORMULA_STARTS)
    assert safe in {cell, "'" + cell}
