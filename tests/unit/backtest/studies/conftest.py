"""A small study that plays in a blink: quick averages over some hundred minutes that wander."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from bot.backtest.studies.plan import Plan, code_of, tape_of
from bot.backtest.studies.trial import Bench
from bot.domain.market import Market
from bot.history.columns import Columns, made
from bot.simulation.instruments import bundled
from bot.strategies.sma_cross import SmaCross

START = 1_735_689_600_000


def wandering(rows: int, seed: int = 3) -> Columns:
    """Give minutes of a price that wanders in waves; each opens where the one before closed."""
    random = np.random.default_rng(seed)
    steps = 0.0008 * random.standard_normal(rows) + 0.0005 * np.sin(np.arange(rows) / 19)
    close = np.round(60_000 * np.cumprod(1 + steps), 2)
    opened = np.concatenate(([60_000.0], close[:-1]))
    arrays = {
        "open_time": START + 60_000 * np.arange(rows),
        "open": opened,
        "high": np.maximum(opened, close) + 5,
        "low": np.minimum(opened, close) - 5,
        "close": close,
        "volume": np.ones(rows),
    }
    return made(Market.SPOT, "BTCUSDT", "1m", arrays)


@pytest.fixture
def columns() -> Columns:
    """Some hours of minutes."""
    return wandering(600)


@pytest.fixture
def bench(columns: Columns) -> Callable[..., Bench]:
    """Makes studies of a grid of six sets, one of which does not fit together; anything may be chosen otherwise."""

    def make(**changes: Any) -> Bench:
        asked: dict[str, Any] = {
            "strategy": "sma_cross", "code": code_of(SmaCross), "space": ("fast=2,5,9", "slow=9,20"),
            "settings": {"symbol": "BTCUSDT", "candle": "1m", "fill": "next", "fee_pct": 0.0001},
            "funds": {"USDT": Decimal(10_000)}, "instrument": bundled()["BTCUSDT"], "tape": tape_of(columns),
        }  # fmt: skip
        return Bench(Plan(**{**asked, **changes}), SmaCross, columns)

    return make
