"""Equity over whole columns: what a strategy was worth at each close, from its fills and round trips alone.

An opinion, as all that is drawn: float64, while the ledger behind it is exact.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bot.backtest.tape import close_times
from bot.domain.instrument import Instrument
from bot.domain.ledger import Posting
from bot.domain.market import Market
from bot.domain.messages import FillBooked, TradeClosed
from bot.domain.order import Side
from bot.history.columns import Columns, Floats, Ints


class Curve(NamedTuple):
    """Equity in quote at `time_ms` (ms UTC), one value a candle."""

    time_ms: Ints
    equity: Floats

    @property
    def fall(self) -> Floats:
        """How far each value is below the peak before it, as a fraction of that peak."""
        peak = np.maximum.accumulate(self.equity)
        return (peak - self.equity) / peak


def curve(
    columns: Columns,
    fills: Sequence[FillBooked],
    trades: Sequence[TradeClosed],
    instrument: Instrument,
    capital: float,
    income: Sequence[Posting] = (),
) -> Curve:
    """Give the equity of one strategy that began with `capital`: its money, and what it holds at each close.

    A contract counts as if it were bought or owed: the sum is the same. `income` is what came or went without a trade.
    What a round trip of spot left over (too little to be sold) is no longer the strategy's, as in the engine's marks.
    """
    times = close_times(columns)
    cash, held = np.zeros(len(columns)), np.zeros(len(columns))
    if fills:
        moments = _moments([booked.fill.time_ms for booked in fills])
        paid = np.array([_paid(booked, instrument) for booked in fills])
        got = np.array([_got(booked, instrument) for booked in fills])
        rows = _rows(times, moments)
        np.add.at(cash, rows, paid)
        np.add.at(held, rows, got)
        if instrument.market is Market.SPOT and trades:
            closed = _moments([trade.closed_ms for trade in trades])
            ends = np.searchsorted(moments, closed, side="right").astype(np.int64)
            rows = _rows(times, closed)
            np.add.at(cash, rows, np.array([float(trade.pnl) for trade in trades]) - _between(paid, ends))
            np.add.at(held, rows, -_between(got, ends))
    if income:
        rows = _rows(times, _moments([posting.time_ms for posting in income]))
        np.add.at(cash, rows, np.array([float(each.amount) for each in income]))
    return Curve(times, capital + np.cumsum(cash) + np.cumsum(held) * columns.close)


def _moments(times_ms: Sequence[int]) -> Ints:
    return np.array(times_ms, np.int64)


def _rows(times: Ints, moments: Ints) -> Ints:
    """Say within which candle each moment lies; what comes after the last close counts as at that close."""
    return np.minimum(np.searchsorted(times, moments), len(times) - 1).astype(np.int64)


def _between(values: Floats, ends: Ints) -> Floats:
    """Add up `values` from one end to the next, the first from the beginning."""
    sums = np.concatenate([[0.0], np.cumsum(values)])[ends]
    return np.diff(sums, prepend=0.0)


def _paid(booked: FillBooked, instrument: Instrument) -> float:
    fill = booked.fill
    worth = float(fill.price) * float(fill.quantity)
    fee = 0.0 if fill.fee_asset == instrument.base else float(booked.fee_in_quote)
    return (-worth if fill.side is Side.BUY else worth) - fee


def _got(booked: FillBooked, instrument: Instrument) -> float:
    fill = booked.fill
    quantity = float(fill.quantity) if fill.side is Side.BUY else -float(fill.quantity)
    return quantity - (float(fill.fee) if fill.fee_asset == instrument.base else 0.0)
