"""A small picture of an equity curve: one SVG, no script, colours from the page's style sheet."""

from collections.abc import Sequence
from datetime import UTC, datetime

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 220, 64, 8, 10, 24


def equity_svg(points: Sequence[tuple[int, float]]) -> str:
    """Draw (time in ms, equity) pairs with its range, its times and the fall from each peak; empty below two points."""
    if len(points) < 2:
        return ""
    low, high = min(value for _, value in points), max(value for _, value in points)
    pad = (high - low) * 0.06 or max(abs(high) * 0.001, 1e-9)
    low, high = low - pad, high + pad
    first, last = points[0][0], points[-1][0]

    def x_of(time_ms: int) -> float:
        return LEFT + (time_ms - first) / max(last - first, 1) * (WIDTH - LEFT - RIGHT)

    def y_of(value: float) -> float:
        return TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM)

    line = " ".join(f"{x_of(time_ms):.1f},{y_of(value):.1f}" for time_ms, value in points)
    peaks = " ".join(f"{x_of(time_ms):.1f},{y_of(value):.1f}" for time_ms, value in _peaks(points))
    back = " ".join(reversed(line.split(" ")))
    ticks = [low + (high - low) * part for part in (0.06, 0.5, 0.94)]
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Equity from {points[0][1]:.2f} to'
        f' {points[-1][1]:.2f}, lowest {min(value for _, value in points):.2f}">'
        + "".join(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y_of(tick):.1f}" y2="{y_of(tick):.1f}"/>'
            f'<text x="{LEFT - 6}" y="{y_of(tick) + 4:.1f}" text-anchor="end">{_short(tick, high - low)}</text>'
            for tick in ticks
        )
        + f'<polygon class="fall" points="{peaks} {back}"/><polyline class="equity" points="{line}"/>'
        + f'<text x="{LEFT}" y="{HEIGHT - 6}">{_day(first)}</text>'
        + f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 6}" text-anchor="end">{_day(last)}</text></svg>'
    )


def _peaks(points: Sequence[tuple[int, float]]) -> list[tuple[int, float]]:
    highest = points[0][1]
    walked = []
    for time_ms, value in points:
        highest = max(highest, value)
        walked.append((time_ms, highest))
    return walked


def _short(value: float, span: float) -> str:
    return f"{value:,.0f}" if span >= 10 else f"{value:,.2f}"


def _day(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
