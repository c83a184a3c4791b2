"""Where the candles of the market come from: files, or a seed. A source gives slots: the candles of one moment."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from heapq import merge
from itertools import count, groupby
from operator import attrgetter

from msgspec.structs import replace

from bot.domain.errors import Misconfigured
from bot.domain.instrument import Instrument, LotRule, NotionalRule, PriceRule
from bot.domain.market import Candle, next_open
from bot.domain.money import exact
from bot.emulator.config import EmulatorConfig, Replay, Synthetic
from bot.emulator.replay import Table, read_tables
from bot.simulation.instruments import bundled, typical_prices
from bot.simulation.market import SyntheticMarket, anchor_of

Slot = list[Candle]
"""The candles that open at one moment: one a symbol, or none for a symbol with a hole there."""

_DEFAULT_SYMBOLS = ("BTCUSDT", "ETHUSDT")
_QUOTES = ("USDT", "USDC", "FDUSD", "TUSD", "BTC", "ETH", "BNB", "EUR", "TRY")
_BLOCK = 256


@dataclass(frozen=True, slots=True)
class Source:
    """A market to be played. `slots` begins with what becomes history: everything that opens before `starts_ms`."""

    interval: str
    instruments: Mapping[str, Instrument]
    starts_ms: int
    slots: Iterator[Slot]


def open_source(config: EmulatorConfig) -> Source:
    """Open the market that a configuration names; Misconfigured in one line when it cannot be played."""
    if isinstance(config.source, Replay):
        return _open_replay(config.source, config)
    return _open_synthetic(config.source, config)


def _open_replay(source: Replay, config: EmulatorConfig) -> Source:
    tables = read_tables(source.files, config.symbols)
    interval = tables[0].interval
    starts = max(table.open_time[min(config.warmup, len(table.open_time) - 1)] for table in tables)
    for table in tables:
        if len(table.open_time) <= config.warmup or table.open_time[-1] < starts:
            raise Misconfigured(
                f"nothing of {table.symbol} is left to play after a warm-up of {config.warmup} candles"
                f" ({len(table.open_time)} in its files); use longer files, files of the same days, or less warm-up"
            )
    instruments = {table.symbol: _instrument(table.symbol, config, price=table.close[0]) for table in tables}
    return Source(interval, instruments, starts, _replay_slots(tables, loop=source.loop))


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
    quote = next((asset for asset in _QUOTES if symbol.endswith(asset) and symbol != asset), None)
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
