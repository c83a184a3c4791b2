"""Runs to report: a strategy played over a made-up walk of prices, as the command plays it."""

from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pytest

from bot.backtest.equity import curve
from bot.backtest.run import Part as Player
from bot.backtest.run import backtest
from bot.domain.market import Market
from bot.history.columns import Columns
from bot.reporting.runs.record import Part, Run
from bot.simulation.desk import terms_of
from bot.simulation.instruments import bundled
from bot.strategies.sma_cross import SmaCross

BEGIN_MS = 1_704_067_200_000
"""1 January 2024."""


def walk(count: int, interval_ms: int = 60_000, interval: str = "1m", symbol: str = "BTCUSDT") -> Columns:
    """Give candles that rise and fall in waves, each opening where the one before closed."""
    steps = np.arange(count)
    close = np.round(60_000 + 900 * np.sin(steps / 17) + 300 * np.sin(steps / 5) + steps * 0.05, 2)
    opened = np.concatenate([[60_000.0], close[:-1]])
    return Columns(
        Market.SPOT, symbol, interval, BEGIN_MS + steps * interval_ms, opened, np.maximum(opened, close) + 5,
        np.minimum(opened, close) - 5, close, np.full(count, 3.0),
    )  # fmt: skip


def play(columns: Columns, notes: tuple[tuple[str, str], ...] = (), **settings: object) -> Run:
    """Play the moving averages over candles."""
    wanted = {"symbol": columns.symbol, "candle": columns.interval, "fast": 4, "slow": 9, "fill": "next", **settings}
    config = SmaCross.Config.model_validate(wanted)
    outcome = backtest([Player(SmaCross, config)], [columns], bundled(), {"USDT": Decimal(10_000)})
    slot, tally = outcome.slots[0], outcome.tally
    drawn = curve(columns, tally.fills, tally.trades, slot.instrument, 0.0)
    part = Part(
        slot.strategy.name, config.model_dump(mode="json"), terms_of(config), columns, slot.instrument, drawn.time_ms,
        drawn.equity, tally.fills, tally.trades, slot.strategy.warm_up, len(tally.denied), slot.stopped,
    )  # fmt: skip
    return Run(
        [part], "USDT", 10_000.0, 10_000.0, "dense", "the file walk.csv", "The bundled rules", "Not looked for.",
        {"run_s": 0.5, "load_s": 0.1}, "1.2.3", BEGIN_MS + 10**10, notes,
    )  # fmt: skip


@pytest.fixture(scope="session")
def run() -> Run:
    return play(walk(3_000), slippage_bps=5.0)


@pytest.fixture
def played() -> Callable[..., Run]:
    return play
