"""Where the candles of the market come from: files, or a seed. A source gives slots: the candles of one moment."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from heapq import merge
from itertools import count, groupby, takewhile
from operator import attrgetter

from msgspec.structs import replace

from bot.domain.errors import Misconfigured
from bot.domain.instrument import Instrument, LotRule, NotionalRule, PriceRule
from bot.domain.market import Candle, next_open
from bot.domain.money import exact
from bot.emulator.config import EmulatorConfig, Replay, Synthetic
from bot.emulator.recorded.records import FundingPaid, Record
from bot.emulator.recorded.shelf import QUOTES, Shelf, Span, records_of, records_of_marks, sort_files, spans_of
from bot.emulator.replay import Table, check_intervals, gather_tables, read_tables
from bot.simulation.instruments import bundled, typical_prices
from bot.simulation.market import SyntheticMarket, anchor_of

Slot = list[Candle]
"""The candles that open at one moment: one a symbol, or none for a symbol with a hole there."""

_DEFAULT_SYMBOLS = ("BTCUSDT", "ETHUSDT")
_BLOCK = 256
_TAPE_INTERVAL = "1m"
"""Of candles made from trades when no klines say otherwise."""


@dataclass(frozen=True, slots=True)
class Source:
    """A market to be played. `slots` begins with what becomes history: everything that opens before `starts_ms`."""

    interval: str
    instruments: Mapping[str, Instrument]
    starts_ms: int
    slots: Iterator[Slot]
    records: Iterator[Record] = field(default_factory=lambda: iter(()))
    """What was recorded, in the order of time; what is before `starts_ms` becomes history too."""
    has_candles: bool = True
    """False when everything that is played comes from recordings."""
    traded: frozenset[str] = frozenset()
    """Symbols whose trades were recorded."""
    fundings: Mapping[str, list[FundingPaid]] = field(default_factory=dict)
    """Recorded fundings, by symbol, in the order of time."""


def open_source(config: EmulatorConfig) -> Source:
    """Open the market that a configuration names; Misconfigured in one line when it cannot be played."""
    if isinstance(config.source, Replay):
        return _open_replay(config.source, config)
    return _open_synthetic(config.source, config)


def _open_replay(source: Replay, config: EmulatorConfig) -> Source:
    shelf = sort_files(source.files, config.symbols)
    if shelf.recordings or shelf.marks:
        if source.loop:
            raise Misconfigured("only klines can be looped; leave --loop out with any other recording")
        return _open_recordings(shelf, config)
    tables = read_tables(shelf.klines, config.symbols)
    interval = tables[0].interval
    starts = _start_of(tables, config.warmup)
    instruments = {table.symbol: _instrument(table.symbol, config, price=table.close[0]) for table in tables}
    return Source(interval, instruments, starts, _replay_slots(tables, loop=source.loop))


def _start_of(tables: list[Table], warmup: int) -> int:
    """Give the time where the history of every table has ended; Misconfigured when nothing is left to play."""
    starts = max(table.open_time[min(warmup, len(table.open_time) - 1)] for table in tables)
    for table in tables:
        if len(table.open_time) <= warmup or table.open_time[-1] < starts:
            raise Misconfigured(
                f"nothing of {table.symbol} is left to play after a warm-up of {warmup} candles"
                f" ({len(table.open_time)} in its files); use longer files, files of the same days, or less warm-up"
            )
    return starts


def _open_recordings(shelf: Shelf, config: EmulatorConfig) -> Source:
    """Open recordings, with the candles beside them: those of a symbol whose market was recorded are its history."""
    tables, marks = (gather_tables(files, config.symbols) for files in (shelf.klines, shelf.marks))
    spans = spans_of(shelf.recordings, config.symbols)
    taped = {symbol: span for symbol, span in spans.items() if span.is_market}
    for symbol in marks.keys() - tables.keys() - taped.keys():
        tables[symbol] = marks.pop(symbol)
    if missing := [one for one in config.symbols or {**spans, **marks} if one not in taped and one not in tables]:
        raise Misconfigured(f"no market of {', '.join(missing)} in the replay files; add klines, trades or depth of it")
    check_intervals(tables.values())
    played = [table for symbol, table in tables.items() if symbol not in taped]
    starts = _start_of(played, config.warmup) if played else min(span.first_ms for span in taped.values())
    if ended := [symbol for symbol, span in taped.items() if span.last_ms < starts]:
        raise Misconfigured(f"the recording of {ended[0]} ends before the market starts; use files of the same days")
    ends = max([*(table.open_time[-1] for table in played), *(span.last_ms for span in taped.values())])
    instruments = {table.symbol: _instrument(table.symbol, config, price=table.close[0]) for table in played}
    instruments |= {symbol: _instrument(symbol, config, price=float(span.price)) for symbol, span in taped.items()}
    records = merge(
        records_of(shelf.recordings, spans), *(records_of_marks(table) for table in marks.values()),
        key=attrgetter("time_ms"),
    )  # fmt: skip
    rows = [
        table.candles() if symbol not in taped else _before(table, taped[symbol].first_ms)
        for symbol, table in tables.items()
    ]  # fmt: skip
    return Source(
        next((table.interval for table in tables.values()), _TAPE_INTERVAL), instruments, starts,
        (list(slot) for _, slot in groupby(merge(*rows, key=attrgetter("open_time")), key=attrgetter("open_time"))),
        takewhile(lambda record: record.time_ms <= ends, records), has_candles=bool(played),
        traded=frozenset(symbol for symbol, span in taped.items() if span.has_trades or span.has_aggregates),
        fundings=_fundings(shelf, spans),
    )  # fmt: skip


def _before(table: Table, first_ms: int) -> Iterator[Candle]:
    return takewhile(lambda candle: candle.close_time < first_ms, table.candles())


def _fundings(shelf: Shelf, spans: Mapping[str, Span]) -> dict[str, list[FundingPaid]]:
    found: dict[str, list[FundingPaid]] = {}
    files = [one for one in shelf.recordings if any(span.has_fundings for span in one.spans.values())]
    for record in records_of(files, spans):
        if isinstance(record, FundingPaid):
            found.setdefault(record.symbol, []).append(record)
    return found


def _replay_slots(tables: list[Table], *, loop: bool) -> Iterator[Slot]:
    first = min(table.open_time[0] for table in tables)
    after = max(next_open(table.open_time[-1], table.interval) for table in tables)
    for turn in count() if loop else range(1):
        shift = turn * (after - first)
        rows = merge(*(table.candles(shift) for table in tables), key=attrgetter("open_time"))
        for _, candles in groupby(rows, key=attrgetter("open_time")):
            yield list(candles)


def _open_synthetic(source: Synthetic, config: EmulatorConfig) -> Source:
    symbols = tuple(dict.fromkeys(config.symbols)) or _DEFAULT_SYMBOLS
    typical = typical_prices()
    prices = {symbol: typical.get(anchor_of(symbol), Decimal(10)) for symbol in symbols}
    instruments = {symbol: _instrument(symbol, config, price=float(prices[symbol])) for symbol in symbols}
    try:
        market = SyntheticMarket(source.seed, prices, source.interval, source.start_ms, instruments)
    except ValueError as error:
        raise Misconfigured(str(error)) from error
    starts = source.start_ms + config.warmup * market.interval_ms
    return Source(source.interval, instruments, starts, _synthetic_slots(market, symbols))


def _synthetic_slots(market: SyntheticMarket, symbols: tuple[str, ...]) -> Iterator[Slot]:
    for start in count(0, _BLOCK):
        blocks = [market.candles(symbol, start, _BLOCK) for symbol in symbols]
        for slot in zip(*blocks, strict=True):
            yield list(slot)


def _instrument(symbol: str, config: EmulatorConfig, price: float) -> Instrument:
    """Find the rules of a symbol: those given, those bundled, or plain ones made from its name and price."""
    for known in (config.instruments or {}, bundled()):
        if symbol in known:
            return known[symbol]
    if (anchor := bundled().get(anchor_of(symbol))) is not None:
        return replace(anchor, symbol=symbol, quote=symbol.removeprefix(anchor.base))
    quote = next((asset for asset in QUOTES if symbol.endswith(asset) and symbol != asset), None)
    if quote is None:
        raise Misconfigured(f"{symbol}: no rules are known for it and its name ends in no known quote asset")
    tick = Decimal(1).scaleb(max(-8, exact(price).adjusted() - 4))
    step = Decimal(1).scaleb(-min(8, max(0, exact(price).adjusted() + 1)))
    return Instrument(
        symbol, symbol.removesuffix(quote), quote,
        price=PriceRule(tick, Decimal(10**6) * max(tick, Decimal(1)), tick),
        lot=LotRule(step, Decimal(9_000_000), step),
        notional=NotionalRule(Decimal(5) if "USD" in quote else Decimal("0.0001")),
    )  # fmt: skip
