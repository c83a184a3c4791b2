"""How a sweep is told: its progress, its table, and its rows in a file."""

import contextlib
import csv
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.commands.output import pairs, table

if TYPE_CHECKING:
    from bot.backtest.screening import Screened
    from bot.backtest.space import Params

_FIGURES = ("trades", "net_pnl", "fees", "win_rate", "profit_factor", "max_drawdown", "unrealised")


@contextlib.contextmanager
def bar(title: str, total: int, *, quiet: bool) -> Iterator[Callable[[], None]]:
    """Show a bar with the time that is left, on a terminal; gives what is called after each set."""
    if quiet or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("sets, left"))
    with Progress(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(title, total=total)
        yield lambda: shown.advance(task)


def rounded(params: "Params", figures: "Screened") -> dict[str, Any]:
    """Give one set with its figures, without the last digits, which nobody reads."""
    told = {name: _short(value) for name, value in figures._asdict().items()}
    return {"params": dict(params), **told}


def show(result: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> None:
    """Show what came of a sweep to a person: the best as a table, or every set, best first."""
    ranked = sorted(rows, key=lambda row: -row["net_pnl"]) or result["best"]
    names = list(ranked[0]["params"])
    shown = ("trades", "net P&L", "fees", "won", "profit factor", "drawdown")
    table(
        f"{result['strategy']} on {result['symbol']} {result['interval']}, best by net P&L",
        [f"#{name}" for name in (*names, *shown)],
        [_cells(row, names) for row in ranked],
        empty="",
    )
    differences = [each["difference"] for each in result["best"]]
    facts = {
        "sets": f"{result['combos']} ({result['screened']} screened by the kernel)",
        "left out": f"{result['left_out']} sets that cannot be" if result["left_out"] else "none",
        "trades": f"{result['trades']} in {result['bars']} bars",
        "took": f"{result['run_s']:.2f} s, {result['bars_per_s']} bars/s; loading {result['load_s']:.2f} s",
        "exact engine": (
            f"played the best {len(differences)} again: {max(abs(each['trades']) for each in differences):g} trades"
            f" and {max(each['net_pnl'] for each in differences):.1e} of the P&L apart"
        ),
    }
    pairs(facts)


def write(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write every set to a file, whole or not at all."""
    draft = path.with_name(path.name + ".new")
    with draft.open("w", encoding="utf-8", newline="") as file:
        if path.suffix == ".json":
            json.dump(rows, file, allow_nan=False)
        else:
            lines = csv.writer(file, lineterminator="\n")
            lines.writerow([*rows[0]["params"], *_FIGURES])
            lines.writerows([*row["params"].values(), *(row[name] for name in _FIGURES)] for row in rows)
    draft.replace(path)


def _cells(row: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    won, factor = row["win_rate"], row["profit_factor"]
    return [
        *(str(row["params"][name]) for name in names),
        str(row["trades"]),
        f"{row['net_pnl']:.2f}",
        f"{row['fees']:.2f}",
        "–" if won is None else f"{won:.1%}",
        "–" if factor is None else f"{factor:.3f}",
        f"{row['max_drawdown']:.2%}",
    ]


def _short(value: float | None) -> float | None:
    return value if value is None or isinstance(value, int) else float(f"{value:.12g}")
