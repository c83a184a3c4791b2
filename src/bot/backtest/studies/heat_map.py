"""The heat map of a study: one figure over two of its settings, as cells of colour in a page or a terminal.

Where further settings vary, a cell is the mean over them: a good cell whose neighbours are bad was luck, and shows.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from statistics import fmean
from typing import NamedTuple

from bot.backtest.space import Value
from bot.backtest.studies.figures import NUMBERS, Figures
from bot.domain.errors import Misconfigured

_CELL_W, _CELL_H, _LEFT, _TOP = 64, 30, 90, 60
_SIDE_MAX = 60
_BAD, _MIDDLE, _GOOD = (196, 60, 60), (236, 232, 222), (38, 132, 92)
_DARK = 0.42


class HeatMap(NamedTuple):
    """A figure by the values of two settings; None where no trial was judged. Rows are those of `y`."""

    x: str
    y: str
    figure: str
    xs: Sequence[Value]
    ys: Sequence[Value]
    cells: Sequence[Sequence[float | None]]

    def share(self, value: float) -> float:
        """Say where a value stands between the lowest (0) and the highest (1) cell."""
        known = [each for row in self.cells for each in row if each is not None]
        low, high = min(known), max(known)
        return 0.5 if high == low else (value - low) / (high - low)


def heat_map(trials: Iterable[tuple[Mapping[str, Value], Figures]], x: str, y: str, figure: str) -> HeatMap:
    """Lay a figure out over two settings. Misconfigured when there is no such figure, or there are too many values."""
    if figure not in NUMBERS:
        raise Misconfigured(f"there is no figure {figure!r}; there are: {', '.join(NUMBERS)}")
    found: dict[tuple[Value, Value], list[float]] = {}
    for params, figures in trials:
        value = getattr(figures, figure)
        if value is not None:
            found.setdefault((params[x], params[y]), []).append(float(value))
    if not found:
        raise Misconfigured("no trial was judged yet, so there is nothing to draw")
    xs, ys = (sorted({key[n] for key in found}, key=_order) for n in (0, 1))
    if max(len(xs), len(ys)) > _SIDE_MAX:
        raise Misconfigured(
            f"{max(len(xs), len(ys))} different values are too many for a heat map; a study of steps, like"
            f" {x}=10:100:10, has less"
        )
    cells = [[fmean(found[column, row]) if (column, row) in found else None for column in xs] for row in ys]
    return HeatMap(x, y, figure, xs, ys, cells)


def colour(share: float) -> tuple[int, int, int]:
    """Give the colour (red, green, blue) of a share between the lowest and the highest value."""
    low, high, part = (_BAD, _MIDDLE, share * 2) if share < 0.5 else (_MIDDLE, _GOOD, share * 2 - 1)
    red, green, blue = (round(one + (other - one) * part) for one, other in zip(low, high, strict=True))
    return red, green, blue


def ink(share: float) -> str:
    """Give the colour of text on such a cell."""
    return "#fff" if share < 0.5 - _DARK / 2 or share > 0.5 + _DARK / 2 else "#1d1d1b"


def page(drawn: HeatMap, title: str, note: str = "") -> str:
    """Give one HTML page with the map as SVG; it needs nothing else."""
    return _PAGE.format(title=escape(title), note=escape(note), svg=svg(drawn))


def svg(drawn: HeatMap) -> str:
    """Draw the map."""
    width = _LEFT + _CELL_W * len(drawn.xs) + 20
    height = _TOP + _CELL_H * len(drawn.ys) + 20
    label = escape(f"{drawn.figure} by {drawn.x} and {drawn.y}")
    parts = [
        f'<svg viewBox="0 0 {width} {height}" width="{width}" role="img" aria-label="{label}">',
        f'<text class="axis" x="{_LEFT}" y="18">{escape(drawn.x)} &#8594;</text>',
        f'<text class="axis" x="8" y="{_TOP - 12}">{escape(drawn.y)} &#8595;</text>',
    ]
    parts += [
        f'<text class="value" x="{_LEFT + _CELL_W * (n + 0.5):g}" y="{_TOP - 12}">{escape(shown(value))}</text>'
        for n, value in enumerate(drawn.xs)
    ]
    for row, (value, cells) in enumerate(zip(drawn.ys, drawn.cells, strict=True)):
        top = _TOP + _CELL_H * row
        parts.append(f'<text class="side" x="{_LEFT - 10}" y="{top + 20}">{escape(shown(value))}</text>')
        parts += [
            _cell(drawn, cell, _LEFT + _CELL_W * column, top, drawn.xs[column], value)
            for column, cell in enumerate(cells)
            if cell is not None
        ]
    return "\n".join([*parts, "</svg>"])


def shown(value: Value) -> str:
    """Write a value as briefly as it can be told apart."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _cell(drawn: HeatMap, cell: float, left: int, top: int, x: Value, y: Value) -> str:
    share = drawn.share(cell)
    fill = "#{:02x}{:02x}{:02x}".format(*colour(share))
    told = f"{drawn.x} {shown(x)}, {drawn.y} {shown(y)}: {drawn.figure} {cell:.6g}"
    return (
        f'<g><title>{escape(told)}</title><rect x="{left}" y="{top}" width="{_CELL_W - 2}" height="{_CELL_H - 2}"'
        f' rx="3" fill="{fill}"/><text class="cell" x="{left + _CELL_W / 2 - 1:g}" y="{top + 19}"'
        f' style="fill:{ink(share)}">{cell:.3g}</text></g>'
    )


def _order(value: Value) -> tuple[bool, float, str]:
    is_text = isinstance(value, str)
    return is_text, 0.0 if is_text else float(value), str(value)


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><style>
:root {{ color-scheme: light dark; --ink: #1d1d1b; --paper: #fbfaf7; --faint: #6b6a64 }}
@media (prefers-color-scheme: dark) {{ :root {{ --ink: #ecebe6; --paper: #16171a; --faint: #9a9993 }} }}
body {{ margin: 2rem auto; max-width: 70rem; padding: 0 1rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif }}
h1 {{ font-size: 1.3rem; font-weight: 600 }} p {{ color: var(--faint) }} div {{ overflow-x: auto }}
text {{ font: 12px system-ui, sans-serif; fill: var(--ink); font-variant-numeric: tabular-nums }}
text.value, text.cell {{ text-anchor: middle }} text.side {{ text-anchor: end }} text.axis {{ fill: var(--faint) }}
</style></head><body><h1>{title}</h1><p>{note}</p><div>{svg}</div></body></html>
"""
