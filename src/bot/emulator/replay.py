"""Real candles from files: the public dumps (12 columns, no header, ms or µs) and tables with a header; csv, gz, zip.

A file is checked whole before its first candle is played: a wrong line is named, never skipped.
"""

import re
from array import array
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path

from bot.domain.errors import Misconfigured
from bot.domain.market import INTERVAL_MS, Candle, next_open
from bot.emulator.intervals import bucket_open
from bot.emulator.textfile import open_text

COLUMNS = ("open_time", "open", "high", "low", "close", "volume")
_NAME = re.compile(r"(?:^|[-_])([^-_.\s]{3,30})[-_](" + "|".join(INTERVAL_MS) + r"|1mo)(?=[-_.]|$)")
_MICROSECONDS_FROM = 10**13
_NOWHERE = 1_000_000


@dataclass(slots=True)
class Table:
    """The candles of one symbol, as columns."""

    symbol: str
    interval: str
    open_time: array[int] = field(default_factory=lambda: array("q"))
    open: array[float] = field(default_factory=lambda: array("d"))
    high: array[float] = field(default_factory=lambda: array("d"))
    low: array[float] = field(default_factory=lambda: array("d"))
    close: array[float] = field(default_factory=lambda: array("d"))
    volume: array[float] = field(default_factory=lambda: array("d"))
    quote_volume: array[float] = field(default_factory=lambda: array("d"))
    trade_count: array[int] = field(default_factory=lambda: array("q"))

    def candles(self, shift_ms: int = 0) -> Iterator[Candle]:
        """Give the candles one by one, moved in time by `shift_ms`."""
        for row in range(len(self.open_time)):
            opened = self.open_time[row] + shift_ms
            yield Candle(
                self.symbol, self.interval, opened,
                self.open[row], self.high[row], self.low[row], self.close[row], self.volume[row],
                next_open(opened, self.interval) - 1, self.quote_volume[row], self.trade_count[row],
            )  # fmt: skip


def read_tables(files: Iterable[Path], symbols: tuple[str, ...]) -> list[Table]:
    """Read files into one table a symbol, all of one interval; Misconfigured when one of the symbols has none."""
    tables = gather_tables(files, symbols)
    if missing := [symbol for symbol in symbols if symbol not in tables]:
        raise Misconfigured(f"no replay file for {', '.join(missing)}; add one or leave the symbol out")
    if not tables:
        raise Misconfigured("no replay files; give one like BTCUSDT_1m_….csv.gz")
    check_intervals(tables.values())
    return list(tables.values())


def check_intervals(tables: Collection[Table]) -> None:
    """Refuse tables of different intervals."""
    if len({table.interval for table in tables}) > 1:
        found = ", ".join(f"{table.symbol} {table.interval}" for table in tables)
        raise Misconfigured(f"replay files have different intervals ({found}); give one interval for all")


def gather_tables(files: Iterable[Path], symbols: tuple[str, ...]) -> dict[str, Table]:
    """Read files into one table a symbol; several files of a symbol continue each other.

    `symbols` picks from the files when it is not empty, and names the symbol of a file whose name does not.
    """
    tables: dict[str, Table] = {}
    for path in sorted(files, key=lambda file: file.name):
        named = _NAME.search(path.name)
        if named is None and len(symbols) != 1:
            raise Misconfigured(
                f"{path}: the name does not say the symbol; call it like BTCUSDT_1m_….csv or name one symbol"
            )
        symbol = named[1] if named else symbols[0]
        if symbols and symbol not in symbols:
            continue
        interval = (named[2] if named else _spacing(path)).replace("1mo", "1M")
        table = tables.setdefault(symbol, Table(symbol, interval))
        if table.interval != interval:
            raise Misconfigured(f"{path}: {symbol} comes in {table.interval} and in {interval}; give one of them")
        _read(path, table)
    return tables


def _spacing(path: Path) -> str:
    """Tell the interval of a file from the smallest distance between its first lines."""
    table = Table("?", "1s")
    _read(path, table, most=100)
    gaps = [later - sooner for sooner, later in zip(table.open_time, table.open_time[1:], strict=False)]
    for interval, length in INTERVAL_MS.items():
        if gaps and min(gaps) == length:
            return interval
    raise Misconfigured(f"{path}: neither name nor lines say the interval; call it like BTCUSDT_1m_….csv")


def _read(path: Path, table: Table, most: int | None = None) -> None:
    """Append the candles of a file to a table."""
    before = len(table.open_time)
    last = table.open_time[-1] if before else -1
    quote_at, count_at = 7, 8
    with open_text(path) as lines:
        for number, line in enumerate(lines, 1):
            cells = line.strip().split(",")
            if number == 1 and line[:1].isalpha():
                quote_at, count_at = _header(path, cells)
                continue
            if cells == [""]:
                continue
            last = _append(f"{path}:{number}", table, cells, quote_at, count_at, last)
            if most is not None and len(table.open_time) >= most:
                break
    if len(table.open_time) == before:
        raise Misconfigured(f"{path}: holds no candles")


def _header(path: Path, names: list[str]) -> tuple[int, int]:
    if tuple(names[:6]) != COLUMNS:
        raise Misconfigured(f"{path}:1: columns have to begin with {','.join(COLUMNS)}, not {','.join(names[:6])}")
    return _place_of("quote_volume", names), _place_of("count", names)


def _place_of(name: str, names: list[str]) -> int:
    return names.index(name) if name in names else _NOWHERE


def _append(where: str, table: Table, cells: list[str], quote_at: int, count_at: int, last: int) -> int:
    """Check one line and append it; give its open time."""
    if len(cells) < len(COLUMNS):
        raise Misconfigured(f"{where}: {len(cells)} columns where {len(COLUMNS)} or more belong")
    try:
        opened = int(cells[0])
        first, high, low, close, volume = (float(cell) for cell in cells[1:6])
        quote = float(cells[quote_at]) if len(cells) > quote_at else volume * (first + high + low + close) / 4
        count = int(cells[count_at]) if len(cells) > count_at else 0
    except ValueError as error:
        raise Misconfigured(f"{where}: not a number: {error}") from error
    if opened >= _MICROSECONDS_FROM:
        opened //= 1_000
    if reason := _fault(opened, first, high, low, close, volume, quote, table.interval, last):
        raise Misconfigured(f"{where}: {reason}")
    table.open_time.append(opened)
    table.open.append(first)
    table.high.append(high)
    table.low.append(low)
    table.close.append(close)
    table.volume.append(volume)
    table.quote_volume.append(quote)
    table.trade_count.append(count)
    return opened


def _fault(
    opened: int, first: float, high: float, low: float, close: float, volume: float, quote: float,
    interval: str, last: int,
) -> str | None:  # fmt: skip
    """Say what is wrong with a candle, or None."""
    if not all(map(isfinite, (first, high, low, close, volume, quote))):
        return "a value is not a finite number"
    if min(first, high, low, close) <= 0:
        return "a price is not above zero"
    if high < low:
        return f"high {high} is below low {low}"
    if not (low <= first <= high and low <= close <= high):
        return f"open {first} or close {close} lies outside low {low} and high {high}"
    if volume < 0 or quote < 0:
        return "a volume is below zero"
    if opened == last:
        return f"open time {opened} occurs twice"
    if opened < last:
        return f"open time {opened} comes after {last}: not sorted"
    if bucket_open(opened, interval) != opened:
        return f"open time {opened} is not the start of a {interval} candle"
    return None
