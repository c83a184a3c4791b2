"""A made-up market: candles that depend on nothing but a seed, with trends, swings, calms and storms to trade in."""

from collections.abc import Mapping
from decimal import Decimal

import numpy as np

from bot.domain.instrument import Instrument
from bot.domain.market import INTERVAL_MS, Candle
from bot.simulation.instruments import bundled
from bot.simulation.walk import Floats, Walk

_BATCH = 4_096
_SAMPLE_MS = 7_500
_SAMPLES_MIN, _SAMPLES_MAX = 8, 120
_TURNOVER_PER_MINUTE = 250_000.0
"""Quote traded in an ordinary minute."""
_TRADE_WORTH = 900.0
_VOLUME_TOPIC = 100
_PEGGED = ("USDC", "FDUSD", "TUSD")
"""Quotes worth as much as USDT: their symbols follow those of USDT."""
_PEG_NOISE = 0.02
"""How much of a walk of its own such a symbol has: some hundredths of a percent a day."""


class SyntheticMarket:
    """Candles of several symbols, readable at any index without walking there.

    Candle 0 opens at `start_ms` at the symbol's start price; indices below 0 lie before it and are as good. Markets
    that differ in the interval alone show the same prices (to the last digit up to 15m; beyond, extremes are sampled).
    A symbol whose quote is worth a USDT follows the one in USDT closely.
    Prices stand on the tick of the instrument (of the bundled one, unless instruments are given), and never reach 0.
    """

    def __init__(
        self,
        seed: int,
        symbols: Mapping[str, Decimal],
        interval: str = "1m",
        start_ms: int = 0,
        instruments: Mapping[str, Instrument] | None = None,
    ) -> None:
        if interval not in INTERVAL_MS or interval == "1M":
            raise ValueError(f"no made-up candles of interval {interval!r}: take one from 1s to 1w")
        self.interval = interval
        self.interval_ms = INTERVAL_MS[interval]
        self.start_ms = start_ms
        self.symbols = dict(symbols)
        rules = bundled() if instruments is None else instruments
        self._grids = {name: _grid(price, rules.get(name)) for name, price in symbols.items()}
        self._walks = {name: Walk(seed, name) for name in symbols}
        self._anchors = {name: Walk(seed, anchor_of(name)) for name in symbols if anchor_of(name) != name}

    def index_at(self, time_ms: int) -> int:
        """Give the index of the candle that is forming at this time."""
        return (time_ms - self.start_ms) // self.interval_ms

    def candles(self, symbol: str, start_index: int, count: int) -> list[Candle]:
        """Give `count` closed candles from an index on."""
        found: list[Candle] = []
        for first in range(start_index, start_index + count, _BATCH):
            found += self._batch(symbol, first, min(_BATCH, start_index + count - first))
        return found

    def _batch(self, symbol: str, start_index: int, count: int) -> list[Candle]:
        walk, grid, length = self._walks[symbol], self._grids[symbol], self.interval_ms
        samples = min(max(length // _SAMPLE_MS, _SAMPLES_MIN), _SAMPLES_MAX)
        steps = np.arange(count * samples + 1, dtype=np.int64)
        times_ms = start_index * length + steps * length // samples
        anchor = self._anchors.get(symbol)
        moves = walk.at(times_ms) if anchor is None else anchor.at(times_ms) + _PEG_NOISE * walk.at(times_ms)
        prices = grid.snap(float(self.symbols[symbol]) * np.exp(moves))
        inner = prices[:-1].reshape(count, samples)
        opened, closed = inner[:, 0], prices[samples::samples]
        high, low = np.maximum(inner.max(axis=1), closed), np.minimum(inner.min(axis=1), closed)

        # Volume comes with movement, on top of an uneven crowd.
        crowd = np.exp(0.6 * walk.normals(_VOLUME_TOPIC, np.arange(start_index, start_index + count)))
        minutes = length / 60_000
        excitement = 1.0 + 400.0 * (high - low) / opened / np.sqrt(minutes)
        turnover = _TURNOVER_PER_MINUTE * minutes * crowd * excitement
        volume = np.maximum(np.round(turnover / opened, grid.lot_decimals), 10.0**-grid.lot_decimals)
        worth = np.round(volume * (opened + high + low + closed) / 4.0, 8)
        trades = 1 + (turnover / _TRADE_WORTH).astype(np.int64)

        opens_ms = range(self.start_ms + start_index * length, self.start_ms + (start_index + count) * length, length)
        numbers = (column.tolist() for column in (opened, high, low, closed, volume, worth, trades))
        return [
            Candle(symbol, self.interval, at, o, h, lo, c, v, at + length - 1, quote_volume=w, trade_count=n)
            for at, o, h, lo, c, v, w, n in zip(opens_ms, *numbers, strict=True)
        ]


def anchor_of(symbol: str) -> str:
    """Give the symbol whose price another one follows: BTCUSDC goes where BTCUSDT goes. Most follow themselves."""
    for quote in _PEGGED:
        if symbol.endswith(quote) and symbol != quote:
            return symbol.removesuffix(quote) + "USDT"
    return symbol


def path(candle: Candle, ticks: int) -> list[float]:
    """Give `ticks` prices (2 or more) that lead through a candle: its open, one extreme, the other, its close.

    A rising candle visits its low first, a falling one its high. Fewer than 4 ticks cannot visit both extremes.
    """
    if ticks < 2:
        raise ValueError(f"a path through a candle needs 2 ticks or more, not {ticks}")
    first, second = (candle.low, candle.high) if candle.close >= candle.open else (candle.high, candle.low)
    corners = [candle.open, first, second, candle.close]
    if ticks < 4:
        corners = [candle.open, *([first] if ticks == 3 else []), candle.close]
    # Corners fall on whole ticks, so that the extremes are really visited.
    places = [(ticks - 1) * corner // (len(corners) - 1) for corner in range(len(corners))]
    decimals = max(_decimals(Decimal(repr(price))) for price in corners)
    points = np.interp(np.arange(ticks), places, corners)
    return [round(point, decimals) for point in points.tolist()]


class _Grid:
    """Where prices and quantities may stand, in whole units of their last decimal."""

    def __init__(self, tick: Decimal, step: Decimal) -> None:
        self.decimals = _decimals(tick)
        self.units = int(tick.scaleb(self.decimals))
        self.lot_decimals = _decimals(step)

    def snap(self, prices: Floats) -> Floats:
        """Move prices to the tick. Whole numbers divided by a power of ten give the float that the text gives."""
        scale = 10.0**self.decimals
        ticks = np.maximum(np.rint(prices * scale / self.units), 1.0)
        return np.asarray(ticks * self.units / scale)


def _grid(start: Decimal, instrument: Instrument | None) -> _Grid:
    if instrument is None:
        # Five digits of the price, as most symbols have; quantities then start at about a cent.
        return _Grid(Decimal(1).scaleb(start.adjusted() - 4), Decimal(1).scaleb(min(0, -2 - start.adjusted())))
    return _Grid(instrument.price.tick, instrument.lot.step)


def _decimals(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
