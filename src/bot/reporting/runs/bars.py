"""Small pictures of bars as SVG, coloured by the page's style sheet: they need no script and print well."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from bot.reporting.runs.saying import money, percent

WIDTH, HEIGHT, BOTTOM, TOP = 520, 190, 22, 12


def histogram(edges: Sequence[float], counts: Sequence[int]) -> str:
    """Draw how many round trips had which return (fractions): losses in one colour, gains in the other."""
    most, many = max(counts), sum(counts)
    step = WIDTH / len(counts)
    bars = []
    for at, amount in enumerate(counts):
        height = amount / most * (HEIGHT - TOP - BOTTOM)
        tone = "gain" if edges[at] + edges[at + 1] > 0 else "loss"
        words = f"{percent(edges[at])} to {percent(edges[at + 1])}: {amount:,} ({percent(amount / many, 1)})"
        bars.append(_bar(at * step + 0.75, HEIGHT - BOTTOM - height, step - 1.5, height, tone, words))
    zero = next(at for at, edge in enumerate(edges) if abs(edge) < 1e-12) * step
    marks = [(0.0, edges[0], "start"), (WIDTH, edges[-1], "end")]
    marks += [(zero, 0.0, "middle")] if WIDTH * 0.15 < zero < WIDTH * 0.85 else []
    words = "".join(_text(x, HEIGHT - 5, percent(value, signed=True), anchor) for x, value, anchor in marks)
    line = f'<line class="zero" x1="{zero:.1f}" x2="{zero:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
    return _svg("".join(bars) + line + words, f"{many} round trips by return")


def columns(rows: Sequence[Mapping[str, Any]], quote: str) -> str:
    """Draw P&L (quote) by kind, above and below a line at zero."""
    top = max(0.0, *(row["pnl"] for row in rows))
    low = min(0.0, *(row["pnl"] for row in rows))
    span = (top - low) or 1.0
    inner = HEIGHT - TOP - BOTTOM
    zero = TOP + top / span * inner
    step = WIDTH / len(rows)
    every = 1 if len(rows) <= 12 else 3
    bars = []
    for at, row in enumerate(rows):
        height = abs(row["pnl"]) / span * inner
        tone = "gain" if row["pnl"] >= 0 else "loss"
        y = zero - height if row["pnl"] >= 0 else zero
        words = f"{row['name']}: {money(row['pnl'], signed=True)} {quote} in {row['count']:,} round trips"
        bars.append(_bar(at * step + step * 0.12, y, step * 0.76, height, tone, words))
        if at % every == 0:
            bars.append(_text(at * step + step / 2, HEIGHT - 5, row["name"], "middle"))
    line = f'<line class="zero" x1="0" x2="{WIDTH}" y1="{zero:.1f}" y2="{zero:.1f}"/>'
    return _svg("".join(bars) + line, "P&L by kind")


def steps(rows: Sequence[tuple[str, float, bool]]) -> str:
    """Draw how amounts lead from the first to the last: (name, amount, whether it stands on the line)."""
    values, at = [], 0.0
    for name, amount, is_whole in rows:
        begin, end = (0.0, amount) if is_whole else (at, at + amount)
        values.append((name, amount, begin, end, is_whole))
        at = end
    low = min(0.0, *(min(each[2], each[3]) for each in values))
    high = max(0.0, *(max(each[2], each[3]) for each in values))
    span = (high - low) or 1.0
    left, right, row = 92, 84, 30
    room = WIDTH - left - right

    def x_of(value: float) -> float:
        return left + (value - low) / span * room

    drawn = [f'<line class="zero" x1="{x_of(0):.1f}" x2="{x_of(0):.1f}" y1="2" y2="{row * len(values)}"/>']
    for place, (name, amount, begin, end, is_whole) in enumerate(values):
        y = place * row
        tone = ("whole " if is_whole else "") + ("gain" if amount > 0 else "loss")
        x, width = min(x_of(begin), x_of(end)), abs(x_of(end) - x_of(begin))
        drawn.append(_text(0, y + 19, name, "start"))
        drawn.append(_bar(x, y + 5, max(width, 1.0), row - 10, tone, f"{name}: {money(amount, signed=True)}"))
        drawn.append(_text(WIDTH, y + 19, money(amount, signed=True), "end"))
    return _svg("".join(drawn), "From the result before costs to the result", WIDTH, row * len(values) + 4)


def _bar(x: float, y: float, width: float, height: float, tone: str, words: str) -> str:
    return (
        f'<rect class="{tone}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="2">'
        f"<title>{escape(words)}</title></rect>"
    )


def _text(x: float, y: float, words: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def _svg(inside: str, words: str, width: int = WIDTH, height: int = HEIGHT) -> str:
    return f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(words)}">{inside}</svg>'
