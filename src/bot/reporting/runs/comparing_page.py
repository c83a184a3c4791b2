"""Runs side by side as one HTML file that needs nothing else: their curves over one another, figures, differences."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from bot.reporting.runs.comparing import LABELS, Comparison
from bot.reporting.runs.frame import card, data, frame, hint, wide

_CURVES = '<div id="equity" class="chart"></div><div id="fall" class="chart"></div>'
_SCRIPTS = ("shared.js", "curves.js", "comparing.js")
COLOURS = 8
"""Colours of the style sheet; a ninth run begins with the first again."""


def report(comparison: Comparison, runs: Sequence[Mapping[str, Any]]) -> str:
    """Write the page; `runs` are the results, in the order of the comparison."""
    names = comparison.names
    keys = "".join(
        f'<button type="button" class="line" aria-pressed="true"><i style="background: var(--line{at % COLOURS})"></i>'
        f"{escape(name)}</button>"
        for at, name in enumerate(names)
    )
    words = f"The same in all of them: {', '.join(comparison.same)}." if comparison.same else "Nothing was the same."
    body = [
        f'<header class="top"><p class="kind">Backtests compared</p><h1>{escape(_title(names))}</h1></header>',
        card("Equity and drawdown", _CURVES, note="equity-note", extra=f'<p class="key">{keys}</p>'),
        card("Figures", _figures(comparison), extra=hint(f"Below each: how far it is from {names[0]}.")),
        card("What was not the same", _differences(comparison), extra=hint(words)),
    ]
    time, lines = _over_one_another(runs)
    shown = {"time": time, "lines": [{"name": name, "values": line} for name, line in zip(names, lines, strict=True)]}
    return frame(_title(names), "".join(body), data("compared", shown), ("uPlot.iife.min.js",), _SCRIPTS)


def _title(names: Sequence[str]) -> str:
    return " / ".join(names) if len(names) <= 4 else f"{' / '.join(names[:3])} and {len(names) - 3} more"


def _over_one_another(runs: Sequence[Mapping[str, Any]]) -> tuple[list[int], list[list[float | None]]]:
    """Put curves on one axis of time (s), each as 100 of its capital; None before its first and after its last."""
    times = np.unique(np.concatenate([np.array(run["curve"]["time"], np.int64) for run in runs]))
    lines: list[list[float | None]] = []
    for run in runs:
        own = np.array(run["curve"]["time"], np.int64)
        values = np.array(run["curve"]["equity"], np.float64) / run["capital"] * 100
        rows = np.searchsorted(own, times, side="right") - 1
        line = np.round(values[np.maximum(rows, 0)], 4).tolist()
        lines.append([
            None if row < 0 or time > own[-1] else value
            for row, time, value in zip(rows.tolist(), times.tolist(), line, strict=True)
        ])  # fmt: skip
    return times.tolist(), lines


def _figures(comparison: Comparison) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in comparison.names)
    rows = []
    for figure in comparison.figures:
        cells = "".join(
            f"<td>{value}{f'<small>{beside}</small>' if at else ''}</td>"
            for at, (value, beside) in enumerate(zip(figure.said(), figure.differences_said(), strict=True))
        )
        rows.append(f"<tr><td>{escape(LABELS[figure.name][0])}</td>{cells}</tr>")
    return wide(f'<table class="compared"><tr><th></th>{head}</tr>{"".join(rows)}</table>')


def _differences(comparison: Comparison) -> str:
    if not comparison.differences:
        return '<p class="note">Nothing: strategy, settings, candles, rules and money were the same.</p>'
    head = "".join(f"<th>{escape(name)}</th>" for name in comparison.names)
    rows = "".join(
        f"<tr><td>{escape(each.subject)}: {escape(each.name)}</td>"
        f"{''.join(f'<td>{escape(value)}</td>' for value in each.values)}</tr>"
        for each in comparison.differences
    )
    return wide(f"<table><tr><th></th>{head}</tr>{rows}</table>")
