"""Which file holds what: told by its first lines, then read whole once, so that a wrong line is named at once."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from heapq import merge
from operator import attrgetter
from pathlib import Path
from typing import Protocol

from bot.domain.errors import Misconfigured
from bot.domain.money import ZERO, exact
from bot.emulator.recorded.frames import markets_in, read_frames
from bot.emulator.recorded.records import BestShown, BookShown, FundingPaid, MarkShown, Record, Trade
from bot.emulator.recorded.tables import Layout, layout_of, read_table
from bot.emulator.replay import Table
from bot.emulator.textfile import first_line, open_text

QUOTES = ("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "BTC", "ETH", "BNB", "EUR", "TRY")
"""Assets that symbols end in."""
_CAPTURE = ("http://", "https://", "ws://", "wss://", "{")
_OTHER_CANDLES = re.compile(r"(index|premium)[A-Za-z]*klines", re.IGNORECASE)
_KNOWN = (
    "klines, trades, aggTrades, best prices (time,bid,bid_qty,ask,ask_qty), depth (…,update_type,price,qty), "
    "funding rates (funding_time,funding_rate) and captures of stream frames"
)


class _Reader(Protocol):
    def __call__(self) -> Iterator[Record]: ...


@dataclass(slots=True)
class Span:
    """What a recording says of one symbol: when its market begins and ends (ms; 0: none), a price, and what it has."""

    first_ms: int = 0
    last_ms: int = 0
    price: Decimal = ZERO
    has_trades: bool = False
    has_aggregates: bool = False
    has_book: bool = False
    has_fundings: bool = False

    @property
    def is_market(self) -> bool:
        """True when a market can be played from it."""
        return self.has_trades or self.has_aggregates or self.has_book


@dataclass(slots=True)
class Recording:
    """One file. `read` gives its records from the first, as often as it is called."""

    path: Path
    read: _Reader
    spans: dict[str, Span] = field(default_factory=dict)
    markets: dict[str, set[str]] = field(default_factory=dict)
    """By symbol what a capture shows of: spot, USD-M, or nothing that tells them apart."""


@dataclass(slots=True)
class Shelf:
    """Files by what they hold. Mark price candles look like any others, but have no volume."""

    klines: list[Path] = field(default_factory=list)
    marks: list[Path] = field(default_factory=list)
    recordings: list[Recording] = field(default_factory=list)


def sort_files(files: Iterable[Path], symbols: tuple[str, ...]) -> Shelf:
    """Tell what each file holds, by its content; Misconfigured when one holds nothing that can be played."""
    shelf = Shelf()
    for path in files:
        head = first_line(path)
        layout = layout_of(head)
        if layout is not None:
            shelf.recordings.append(_table(path, layout, symbols))
        elif _is_capture(head):
            shelf.recordings.append(_capture(path, symbols))
        elif _is_kline_head(head):
            if _OTHER_CANDLES.search(str(path)):
                raise Misconfigured(f"{path}: index and premium candles move nothing here; give markPriceKlines")
            (shelf.marks if _is_without_volume(path) else shelf.klines).append(path)
        else:
            raise Misconfigured(f"{path}:1: nothing that can be played begins with {head[:60]!r}; known are {_KNOWN}")
    _check_markets(shelf.recordings, symbols)
    return shelf


def _check_markets(recordings: Iterable[Recording], symbols: tuple[str, ...]) -> None:
    """Refuse captures of two markets of one symbol: their changes would make one book that never was."""
    seen: dict[str, dict[str, Path]] = {}
    for recording in recordings:
        for symbol, markets in recording.markets.items():
            if not symbols or symbol in symbols:
                seen.setdefault(symbol, {}).update(dict.fromkeys(markets, recording.path))
    for symbol, where in seen.items():
        if len(where) > 1:
            raise Misconfigured(
                f"{symbol} was captured on spot ({where['spot'].name}) and on USD-M ({where['USD-M'].name}), which have"
                " a book each; give the captures of one of them"
            )


def _is_capture(head: str) -> bool:
    return head.startswith(_CAPTURE) or (" {" in head and head[:1].isdigit())


def _is_kline_head(head: str) -> bool:
    return not head or head.startswith("open_time") or head[0].isdigit()


def _is_without_volume(path: Path) -> bool:
    """Say whether no candle of a file has a volume."""
    with open_text(path) as lines:
        cells = [line.split(",") for line in lines if line[:1].isdigit()]
    return bool(cells) and all(len(row) > 5 and not row[5].strip("0. \n") for row in cells)


def _table(path: Path, layout: Layout, symbols: tuple[str, ...]) -> Recording:
    symbol = "" if layout.kind == "depth" else _symbol_of(path, symbols)
    return _checked(Recording(path, partial(read_table, path, layout, symbol)))


def _capture(path: Path, symbols: tuple[str, ...]) -> Recording:
    markets = markets_in(path)
    named = list(markets)
    only = named[0] if len(named) == 1 else symbols[0] if len(symbols) == 1 else ""
    return _checked(Recording(path, partial(read_frames, path, only), markets=markets))


def _checked(recording: Recording) -> Recording:
    """Read a recording whole, and note what it covers."""
    for record in recording.read():
        if not record.symbol:
            raise Misconfigured(f"{recording.path}: a picture of a book does not say its symbol; name one symbol")
        _note(recording.spans.setdefault(record.symbol, Span()), record)
    if not recording.spans:
        raise Misconfigured(f"{recording.path}: holds nothing that can be played; known are {_KNOWN}")
    return recording


def _note(span: Span, record: Record) -> None:
    price = ZERO
    match record:
        case Trade():
            price = record.price
            span.has_aggregates |= record.is_aggregate
            span.has_trades |= not record.is_aggregate
        case BookShown():
            price = record.bids[0][0] if record.bids else record.asks[0][0] if record.asks else price
            span.has_book = True
        case BestShown():
            price, span.has_book = record.bid[0], True
        case MarkShown():
            price = record.price
        case FundingPaid():
            span.has_fundings = True
    span.price = span.price or price
    if isinstance(record, Trade | BookShown | BestShown):
        span.first_ms = min(span.first_ms or record.time_ms, record.time_ms)
        span.last_ms = max(span.last_ms, record.time_ms)


def spans_of(recordings: Iterable[Recording], symbols: tuple[str, ...]) -> dict[str, Span]:
    """Give what all recordings together say of each symbol; `symbols` picks when it is not empty."""
    found: dict[str, Span] = {}
    for recording in recordings:
        for symbol, span in recording.spans.items():
            if not symbols or symbol in symbols:
                whole = found.setdefault(symbol, Span())
                whole.first_ms = min(whole.first_ms or span.first_ms, span.first_ms or whole.first_ms)
                whole.last_ms = max(whole.last_ms, span.last_ms)
                whole.price = whole.price or span.price
                whole.has_trades |= span.has_trades
                whole.has_aggregates |= span.has_aggregates
                whole.has_book |= span.has_book
                whole.has_fundings |= span.has_fundings
    return found


def records_of(recordings: Iterable[Recording], spans: Mapping[str, Span]) -> Iterator[Record]:
    """Give the records of these symbols from all recordings in the order of time.

    Aggregate trades are left out where the single trades are known.
    """
    for record in merge(*(recording.read() for recording in recordings), key=attrgetter("time_ms")):
        span = spans.get(record.symbol)
        if span is not None and not (isinstance(record, Trade) and record.is_aggregate and span.has_trades):
            yield record


def records_of_marks(table: Table) -> Iterator[Record]:
    """Give a mark price that walks along its candles: open, the nearer extreme, the other, close."""
    for candle in table.candles():
        low_first = candle.close >= candle.open
        extremes = (candle.low, candle.high) if low_first else (candle.high, candle.low)
        third = (candle.close_time + 1 - candle.open_time) // 3
        for step, price in enumerate((candle.open, *extremes)):
            yield MarkShown(table.symbol, candle.open_time + step * third, exact(price))
        yield MarkShown(table.symbol, candle.close_time, exact(candle.close), candle)


def _symbol_of(path: Path, symbols: tuple[str, ...]) -> str:
    """Give the symbol that a file's name says, or the only one that was named."""
    for word in re.split(r"[-_.\s]", path.name):
        if word.isalnum() and word == word.upper() and any(word.endswith(one) and word != one for one in QUOTES):
            return word
    if len(symbols) == 1:
        return symbols[0]
    raise Misconfigured(
        f"{path}: the name does not say the symbol; call it like BTCUSDT-trades-….csv or name one symbol"
    )
