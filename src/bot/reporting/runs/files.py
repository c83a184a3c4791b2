"""A run as files: page, result, round trips and equity, the last two as CSV (exact texts) and Parquet (numbers)."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from bot.domain.money import plain
from bot.domain.order import Side
from bot.history import parquet
from bot.reporting.runs.document import Document, result_of, total
from bot.reporting.runs.page import report
from bot.reporting.runs.record import Run

type Content = Callable[[IO[bytes]], None]
"""Writes what stands in a file."""

AT_ONCE = 50_000
NAMES = ("report.html", "result.json", "trades.csv", "trades.parquet", "equity.csv", "equity.parquet")
_TRADE = ("strategy", "symbol", "market", "side", "quantity", "entry_price", "exit_price", "gross", "fees", "pnl",
          "opened_ms", "closed_ms", "reason")  # fmt: skip


def write(run: Run, document: Document, folder: Path) -> list[Path]:
    """Write every file of a run into a folder, each whole or not at all, in the place of those of an earlier run."""
    folder.mkdir(parents=True, exist_ok=True)
    contents: dict[str, Content] = {
        "report.html": lambda file: _text(file, [report(document)]),
        "result.json": lambda file: _text(file, [result_text(document)]),
        "trades.csv": lambda file: _text(file, [_trades_csv(run)]),
        "trades.parquet": lambda file: parquet.write(file, _trades(run), {}),
        "equity.csv": lambda file: _text(file, _equity_csv(run)),
        "equity.parquet": lambda file: parquet.write(file, _equity(run), {}),
    }
    return [replace(folder / name, contents[name]) for name in NAMES]


def result_text(document: Document) -> str:
    """Write what `result.json` says."""
    return json.dumps(result_of(document), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def replace(path: Path, content: str | Content) -> Path:
    """Put a file in its place, whole or not at all."""
    draft = path.with_name(f".{path.name}.new")
    try:
        with draft.open("wb") as file:
            content(file) if callable(content) else _text(file, [content])
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    return path


def _text(file: IO[bytes], parts: Iterable[str]) -> None:
    for part in parts:
        file.write(part.encode())


def _trades_csv(run: Run) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(_TRADE)
    rows.writerows(_trade_rows(run))
    return text.getvalue()


def _trade_rows(run: Run) -> Iterator[list[object]]:
    owned = [(part.strategy, trade) for part in run.parts for trade in part.trades]
    for strategy, trade in sorted(owned, key=lambda each: each[1].closed_ms):
        amounts = (trade.quantity, trade.entry_price, trade.exit_price, trade.gross, trade.fees, trade.pnl)
        yield [
            strategy, trade.symbol, trade.market.value, "long" if trade.side is Side.BUY else "short",
            *map(plain, amounts), trade.opened_ms, trade.closed_ms, trade.reason,
        ]  # fmt: skip


def _trades(run: Run) -> dict[str, NDArray[Any]]:
    trades = sorted((trade for part in run.parts for trade in part.trades), key=lambda each: each.closed_ms)
    arrays: dict[str, NDArray[Any]] = {
        "opened_ms": np.array([trade.opened_ms for trade in trades], np.int64),
        "closed_ms": np.array([trade.closed_ms for trade in trades], np.int64),
        "is_long": np.array([trade.side is Side.BUY for trade in trades], np.int64),
    }
    for name in ("quantity", "entry_price", "exit_price", "gross", "fees", "pnl"):
        arrays[name] = np.array([float(getattr(trade, name)) for trade in trades], np.float64)
    return arrays


def _equity(run: Run) -> dict[str, NDArray[Any]]:
    times, equity = total(run)
    return {"time_ms": times.astype(np.int64), "equity": equity.astype(np.float64)}


def _equity_csv(run: Run) -> Iterator[str]:
    """Give the lines some thousand at a time: ten years of minutes never stand in memory as text."""
    times, equity = total(run)
    yield "time_ms,equity\n"
    for first in range(0, len(times), AT_ONCE):
        rows = zip(times[first : first + AT_ONCE].tolist(), equity[first : first + AT_ONCE].tolist(), strict=True)
        yield "".join(f"{time},{value:.8f}\n" for time, value in rows)
