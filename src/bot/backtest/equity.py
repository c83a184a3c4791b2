"""Equity over whole columns: what a strategy was worth at each close, from its fills alone.

An opinion, as all that is drawn: float64, while the ledger behind it is exact.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bot.backtest.tape import close_times
from bot.domain.instrument import Instrument
from bot.domain.ledger import Posting
from bot.domain.messages import FillBooked
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
    instrument: Instrument,
    capital: float,
    income: Sequence[Posting] = (),
) -> Curve:
    """Give the equity of one strategy that began with `capital`: its money, and what it holds at each close.

    A contract counts as if it were bought or owed: the sum is the same. `income` is what came or went without a trade.
    """
    times = close_times(columns)
    cash, held = np.zeros(len(columns)), np.zeros(len(columns))
    if fills:
        rows = np.searchsorted(times, np.array([booked.fill.time_ms for booked in fills], np.int64))
        rows = np.minimum(rows, len(columns) - 1)
        np.add.at(cash, rows, np.array([_paid(booked, instrument) for booked in fills]))
        np.add.at(held, rows, np.array([_got(booked, instrument) for booked in fills]))
    if income:
        rows = np.searchsorted(times, np.array([posting.time_ms for posting in income], np.int64))
        np.add.at(cash, np.minimum(rows, len(columns) - 1), np.array([float(each.amount) for each in income]))
    return Curve(times, capital + np.cumsum(cash) + np.cumsum(held) * columns.close)


def _paid(booked: FillBooked, instrument: Instrument) -> float:
    fill = booked.fill
    worth = float(fill.price) * float(fill.quantity)
    fee = 0.0 if fill.fee_asset == instrument.base else float(booked.fee_in_quote)
    return (-worth if fill.side is Side.BUY else worth) - fee


def _got(booked: FillBooked, instrument: Instrument) -> float:
    fill = booked.fill
    quantity = float(fill.quantity) if fill.side is Side.BUY else -float(fill.quantity)
    return quantity - (float(fill.fee) if fill.fee_asset == instrument.base else 0.0)
