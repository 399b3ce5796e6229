"""The results of a run, as text for people and as JSON for programs."""

from __future__ import annotations

import dataclasses
import json
import statistics
from typing import TYPE_CHECKING

from benchmarks import measures
from benchmarks.budgets import budgets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from benchmarks.measures.base import Figure
    from benchmarks.run import Outcome, Results


def render(results: Results, machine: dict[str, str]) -> str:
    """Return the whole report."""
    parts = [
        *_settings(results, machine),
        *(line for name in results.outcomes for line in _measure(results, name)),
        *_budgets(results),
        *_systems(results),
        *_void(results),
    ]
    return "\n".join(parts) + "\n"


def write_json(results: Results, machine: dict[str, str], path: Path) -> None:
    """Write settings, every repetition's figures, medians and ratios to a file."""
    document = {
        "machine": machine,
        "busy_percents_before_samples": results.busy_percents,
        "sizes": dataclasses.asdict(results.sizes),
        "measures": {
            measure: {system: _as_json(results, measure, system) for system in outcomes}
            for measure, outcomes in results.outcomes.items()
        },
    }
    path.write_text(json.dumps(document, indent=2) + "\n")


def _settings(results: Results, machine: dict[str, str]) -> Iterator[str]:
    for name, value in machine.items():
        yield f"{name}: {value}"
    sizes = dataclasses.asdict(results.sizes).items()
    yield "sizes: " + ", ".join(f"{name.replace('_', ' ')} {value:,}" for name, value in sizes)
    if results.busy_percents:
        median, worst = statistics.median(results.busy_percents), max(results.busy_percents)
        yield f"other work: before the samples the cores were {median:.0f} % busy (median), {worst:.0f} % at worst"
    yield "figures: medians of the repetitions (lowest–highest), ratios formed within a repetition"


def _measure(results: Results, name: str) -> Iterator[str]:
    measure, outcomes = measures.ALL[name], results.outcomes[name]
    yield f"\n## {measure.title}\n\n{measure.method.format(**dataclasses.asdict(results.sizes))}.\n"
    head = ["", *(cell for figure in measure.figures for cell in _head(figure, results, name))]
    rows = [_row(results, name, system, measure.figures) for system, outcome in outcomes.items() if outcome.samples]
    yield from _table([head, *rows])
    for system, outcome in outcomes.items():
        if outcome.skipped:
            yield f"\nskipped: {system}: {outcome.skipped}"


def _head(figure: Figure, results: Results, measure: str) -> list[str]:
    return [figure.name, "× baseline"] if _is_compared(results, measure) else [figure.name]


def _row(results: Results, measure: str, system: str, figures: Iterable[Figure]) -> list[str]:
    outcome = results.outcomes[measure][system]
    cells = [next(iter(outcome.samples.values())).label]
    for figure in figures:
        cells.append(_value(outcome, figure))
        if _is_compared(results, measure):
            cells.append(_ratio(results.ratio(measure, system, figure.name)))
    return cells


def _is_compared(results: Results, measure: str) -> bool:
    return any(
        results.ratio(measure, system, measures.ALL[measure].figures[0].name) for system in results.outcomes[measure]
    )


def _value(outcome: Outcome, figure: Figure) -> str:
    median = outcome.median(figure.name)
    if median is None:
        return "–"
    values = outcome.values(figure.name)
    places = figure.decimals
    spread = f" ({min(values):,.{places}f}–{max(values):,.{places}f})" if len(values) > 1 else ""
    return f"{median:,.{places}f}{spread}"


def _ratio(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:.2f}"


def _budgets(results: Results) -> Iterator[str]:
    rows = [["", "system", "budget", "found", ""]]
    for budget in budgets():
        found = budget.found(results)
        if found is not None:
            verdict = "kept" if budget.holds(found) else "MISSED"
            rows.append([f"{budget.measure}, {budget.figure}", budget.system, str(budget), f"{found:,.2f}", verdict])
    if len(rows) > 1:
        yield "\n## Budgets\n"
        yield from _table(rows)


def _systems(results: Results) -> Iterator[str]:
    rows = {
        system: [sample.label, sample.records, sample.durability, sample.notes]
        for outcomes in results.outcomes.values()
        for system, outcome in outcomes.items()
        for sample in outcome.samples.values()
    }
    yield "\n## The systems\n"
    yield from _table([["", "records", "outlives a crash", "settings"], *rows.values()])


def _void(results: Results) -> Iterator[str]:
    lines = results.void()
    if lines:
        yield "\n## Void: these samples mean nothing\n"
        yield from lines


def _table(rows: list[list[str]]) -> Iterator[str]:
    """Yield the lines of a Markdown table whose columns line up; the first row is its head."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    head, *body = ("| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in rows)
    yield head
    yield "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    yield from body


def _as_json(results: Results, measure: str, system: str) -> dict[str, object]:
    outcome = results.outcomes[measure][system]
    return {
        "samples": [dataclasses.asdict(sample) for sample in outcome.samples.values()],
        "medians": {figure.name: outcome.median(figure.name) for figure in measures.ALL[measure].figures},
        "ratios": {
            figure.name: results.ratio(measure, system, figure.name) for figure in measures.ALL[measure].figures
        },
        "skipped": outcome.skipped,
        "void": outcome.void,
    }
