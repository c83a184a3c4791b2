"""Candles as columns, the form in which a backtest wants them, and the way from a CSV file to there.

Needs nothing heavier than numpy, so that a program that reads a year of minutes has them at once.
"""

import gzip
import io
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from bot.domain.errors import Misconfigured
from bot.domain.market import Market, Stream
from bot.history import checks

type Ints = NDArray[np.int64]
type Floats = NDArray[np.float64]

NEEDED = ("open_time", "open", "high", "low", "close", "volume")
EXTRAS = ("quote_volume", "count", "taker_buy_volume", "taker_buy_quote_volume")
_LEAST_MS, _MOST_MS = 10**11, 10**13
"""Times outside are in another unit: seconds below, µs or ns above (1973 and 2286 in ms)."""
INTEGERS = frozenset({"open_time", "count"})
DUMP = (*NEEDED, "close_time", *EXTRAS)
"""The order of the exchange's own files; an ignored column follows."""
_UNPACKED_BY_NUMPY = {".gz", ".bz2", ".xz"}
_ALIASES = {
    "opentime": "open_time", "timestamp": "open_time", "time": "open_time", "date": "open_time",
    "open_price": "open", "high_price": "high", "low_price": "low", "close_price": "close",
    "o": "open", "h": "high", "l": "low", "c": "close", "v": "volume", "vol": "volume", "base_volume": "volume",
    "quote_asset_volume": "quote_volume", "quotevolume": "quote_volume", "amount": "quote_volume",
    "trades": "count", "number_of_trades": "count", "trade_count": "count", "num_trades": "count",
    "taker_buy_base": "taker_buy_volume", "taker_buy_base_asset_volume": "taker_buy_volume",
    "taker_buy_base_volume": "taker_buy_volume", "taker_buy_quote": "taker_buy_quote_volume",
    "taker_buy_quote_asset_volume": "taker_buy_quote_volume",
}  # fmt: skip
"""Other people's names for our columns."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Candles of one series, one array a column, in the order of time. Times are ms UTC.

    The columns after `volume` are None when the source did not tell them.
    """

    market: Market
    symbol: str
    interval: str
    open_time: Ints
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    quote_volume: Floats | None = None
    count: Ints | None = None
    taker_buy_volume: Floats | None = None
    taker_buy_quote_volume: Floats | None = None

    def __len__(self) -> int:
        """Give the number of candles."""
        return len(self.open_time)

    @property
    def stream(self) -> Stream:
        """The address of the series."""
        return Stream(self.market, self.symbol, self.interval)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Give the columns that are there, by name, in a fixed order."""
        found = ((name, getattr(self, name)) for name in (*NEEDED, *EXTRAS))
        return {name: array for name, array in found if array is not None}

    def column(self, name: str) -> NDArray[Any]:
        """Give a column by name; one that the source did not tell is all NaN, or -1 for counts."""
        array: NDArray[Any] | None = getattr(self, name)
        if array is None:
            return np.full(len(self), -1, np.int64) if name in INTEGERS else np.full(len(self), np.nan)
        return array

    def rows(self, first: int, last: int) -> "Columns":
        """Give the candles from row `first` up to, not including, row `last`; the memory is shared."""
        part: dict[str, Any] = {name: array[first:last] for name, array in self.arrays().items()}
        return replace(self, **part)

    def between(self, since_ms: int | None, until_ms: int | None) -> "Columns":
        """Give the candles that open from `since_ms` on and before `until_ms`; None leaves that side open."""
        first = 0 if since_ms is None else int(np.searchsorted(self.open_time, since_ms))
        last = len(self) if until_ms is None else int(np.searchsorted(self.open_time, until_ms))
        return self.rows(first, last)


def made(market: Market, symbol: str, interval: str, arrays: dict[str, NDArray[Any]]) -> Columns:
    """Make columns from arrays by name, each of our type and dense in memory; unknown names are left out."""
    known = {one.name for one in fields(Columns)}
    cast: dict[str, Any] = {
        name: np.ascontiguousarray(array, np.int64 if name in INTEGERS else np.float64)
        for name, array in arrays.items() if name in known
    }  # fmt: skip
    return Columns(market, symbol, interval, **cast)


def joined(parts: list[Columns]) -> Columns:
    """Put columns of one series end to end. A part that lacks an extra column says NaN there, and -1 for counts."""
    if len(parts) == 1:
        return parts[0]
    told = [one.arrays() for one in parts]
    names = [*NEEDED, *(name for name in EXTRAS if any(name in one for one in told))]
    arrays = {name: np.concatenate([one.column(name) for one in parts]) for name in names}
    return made(parts[0].market, parts[0].symbol, parts[0].interval, arrays)


def read_csv(path: Path, market: Market, symbol: str, interval: str) -> Columns:
    """Read a candle file (CSV, also as .gz or .zip, with or without a line of names; times in s, ms, µs or ns).

    Misconfigured, in one line, when it cannot be read or is not sorted, unique, positive and of that interval. Holes
    are no reason: ask `checks.gaps` for them.
    """
    columns = made(market, symbol, interval, parse_csv(path))
    checks.refuse_dirty(columns, str(path))
    return columns


def parse_csv(path: Path) -> dict[str, NDArray[Any]]:
    """Read the columns of a candle file as they are, by our names; only the unit of time is made ms."""
    try:
        with path.open("rb") as file:
            return parse(file, str(path), path)
    except OSError as error:
        raise Misconfigured(f"{path}: {error.strerror}; give the path of a candle file") from error


def parse(file: IO[bytes], name: str, path: Path | None = None) -> dict[str, NDArray[Any]]:
    """Do what `parse_csv` does with a file that is open. Where it lies (`path`) makes reading a plain one quicker."""
    try:
        with _text(file, name) as text:
            first = text.readline()
            if not first.strip():
                raise Misconfigured(f"{name}: the file is empty; fetch it again")
            has_names, delimiter, columns = _layout(name, first)
            table = _table(name, delimiter, columns, text, "" if has_names else first, path)
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, UnicodeDecodeError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
        raise Misconfigured(
            f"{name}: cannot be read ({reason}); it is damaged or incomplete, fetch it again"
        ) from error
    arrays = {column: table[column] for column in table.dtype.names or ()}
    arrays["open_time"] = in_ms(arrays["open_time"])
    return arrays


def our_name(name: str) -> str:
    """Give our name of a column that others call otherwise."""
    plain = name.strip().lower().replace(" ", "_")
    return _ALIASES.get(plain, plain)


def in_ms(times: Ints) -> Ints:
    """Give times in ms, whatever each was in. The exchange's spot files are in µs from 2025 on."""
    if times.min() >= _LEAST_MS and times.max() <= _MOST_MS:
        return times
    scaled: Ints = np.select(
        [times > _MOST_MS * 10**3, times > _MOST_MS, times < _LEAST_MS],
        [times // 10**6, times // 10**3, times * 10**3], times,
    )  # fmt: skip
    return scaled


@contextmanager
def _text(file: IO[bytes], name: str) -> Iterator[Any]:
    """Give the lines of a file, whatever it is packed in."""
    magic = file.read(2)
    file.seek(0)
    if magic == b"PK":
        with zipfile.ZipFile(file) as archive:
            names = [one for one in archive.namelist() if not one.endswith("/")]
            if len(names) != 1:
                raise Misconfigured(f"{name}: holds {len(names)} files, expected one CSV; unpack it")
            with archive.open(names[0]) as member, io.TextIOWrapper(member, "utf-8") as text:
                yield text
    elif magic == b"\x1f\x8b":
        with gzip.open(file, "rt", encoding="utf-8") as text:
            yield text
    else:
        with io.TextIOWrapper(file, "utf-8") as text:
            yield text


def _layout(name: str, first: str) -> tuple[bool, str, dict[str, int]]:
    """Tell from the first line whether it has names, what stands between columns, and where each of ours is."""
    delimiter = max(",;\t", key=first.count)
    cells = [cell.strip().strip('"').lower() for cell in first.lstrip("\ufeff").strip().split(delimiter)]
    if cells[0][:1].isdigit():
        if len(cells) < len(NEEDED):
            raise Misconfigured(f"{name}: {len(cells)} columns; expected at least {', '.join(NEEDED)}")
        return False, delimiter, {one: at for at, one in enumerate(DUMP[: len(cells)]) if one != "close_time"}
    names = [our_name(cell) for cell in cells]
    if missing := [one for one in NEEDED if one not in names]:
        raise Misconfigured(
            f"{name}: no column {', '.join(missing)} in its first line; name the columns {','.join(NEEDED)}"
        )
    return True, delimiter, {one: names.index(one) for one in (*NEEDED, *EXTRAS) if one in names}


def _table(
    name: str, delimiter: str, columns: dict[str, int], rest: Any, first: str, path: Path | None
) -> NDArray[Any]:
    """Read all rows. A plain file is read by numpy itself, which is twice as fast as line by line."""
    kinds = np.dtype([(one, np.int64 if one == "open_time" else np.float64) for one in columns])
    is_plain = isinstance(rest.buffer, io.BufferedReader) and path and path.suffix.lower() not in _UNPACKED_BY_NUMPY
    source: Any = str(path) if is_plain else _lines(rest, first)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a file without rows is refused below
            table: NDArray[Any] = np.loadtxt(
                source, kinds, delimiter=delimiter, usecols=list(columns.values()), comments=None, ndmin=1,
                skiprows=0 if first or not is_plain else 1, encoding="utf-8", quotechar='"',
            )  # fmt: skip
    except ValueError as error:
        reason = str(error).split(";", maxsplit=1)[0].rstrip(".")
        raise Misconfigured(f"{name}: {reason}; the file is damaged or no candle file") from error
    if not len(table):
        raise Misconfigured(f"{name}: holds no candle; fetch it again")
    return table


def _lines(rest: Any, first: str) -> Iterator[str]:
    if first:
        yield first
    yield from rest
