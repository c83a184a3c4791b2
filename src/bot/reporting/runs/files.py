"""A run as files: page, result, round trips and equity, the last two as CSV (exact texts) and Parquet (numbers)."""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bot.domain.money import plain
from bot.domain.order import Side
from bot.history import parquet
from bot.reporting.runs.document import Document, result_of, total
from bot.reporting.runs.page import report
from bot.reporting.runs.record import Run

NAMES = ("report.html", "result.json", "trades.csv", "trades.parquet", "equity.csv", "equity.parquet")
_TRADE = ("strategy", "symbol", "market", "side", "quantity", "entry_price", "exit_price", "gross", "fees", "pnl",
          "opened_ms", "closed_ms", "reason")  # fmt: skip


def write(run: Run, document: Document, folder: Path) -> list[Path]:
    """Write every file of a run into a folder, each whole or not at all, in the place of those of an earlier run."""
    folder.mkdir(parents=True, exist_ok=True)
    contents = {
        "report.html": lambda: report(document).encode(),
        "result.json": lambda: result_text(document).encode(),
        "trades.csv": lambda: _trades_csv(run).encode(),
        "trades.parquet": lambda: _trades_parquet(run),
        "equity.csv": lambda: _equity_csv(run).encode(),
        "equity.parquet": lambda: _equity_parquet(run),
    }
    return [replace(folder / name, contents[name]()) for name in NAMES]


def result_text(document: Document) -> str:
    """Write what `result.json` says."""
    return json.dumps(result_of(document), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def replace(path: Path, content: bytes) -> Path:
    """Put a file in its place, whole or not at all."""
    draft = path.with_name(f".{path.name}.new")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise
    return path


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


def _trades_parquet(run: Run) -> bytes:
    trades = sorted((trade for part in run.parts for trade in part.trades), key=lambda each: each.closed_ms)
    arrays = {
        "opened_ms": np.array([trade.opened_ms for trade in trades], np.int64),
        "closed_ms": np.array([trade.closed_ms for trade in trades], np.int64),
        "is_long": np.array([trade.side is Side.BUY for trade in trades], np.int64),
    }
    numbers = {
        name: np.array([float(getattr(trade, name)) for trade in trades], np.float64)
        for name in ("quantity", "entry_price", "exit_price", "gross", "fees", "pnl")
    }
    return _parquet({**arrays, **numbers})


def _equity_csv(run: Run) -> str:
    times, equity = total(run)
    lines = [f"{time},{value:.8f}" for time, value in zip(times.tolist(), equity.tolist(), strict=True)]
    return "\n".join(["time_ms,equity", *lines, ""])


def _equity_parquet(run: Run) -> bytes:
    times, equity = total(run)
    return _parquet({"time_ms": times.astype(np.int64), "equity": equity.astype(np.float64)})


def _parquet(arrays: dict[str, "np.ndarray[tuple[int], np.dtype[np.generic]]"]) -> bytes:
    file = io.BytesIO()
    parquet.write(file, arrays, {})
    return file.getvalue()
