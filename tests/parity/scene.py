"""The scene of the parity tests: real candles, strategies that trade on them, and what had to be among it."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from bot.backtest.run import Part
from bot.commands.parity_modes import Scene
from bot.domain.market import Market
from bot.history.columns import read_csv
from bot.reporting.run_record import Record
from bot.simulation.instruments import bundled
from bot.strategies.config import parse_config
from bot.strategies.registry import discover

SYMBOL = "BTCUSDT"
KLINES = Path(__file__).parents[2] / "../shared/data/klines/spot"
RECORDED = "20250520_20250818"
HISTORY = 300
FUNDS = {"USDT": Decimal(20_000)}
MAX_ORDER_VALUE = Decimal(5_000)

_COMMON: Mapping[str, Any] = {"symbol": SYMBOL, "fee_pct": 0.0005, "fill": "last"}
"""No drawdown stops them: a running bot also looks at it between candles, by the clock."""
_STRATEGIES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "dips": ("mean_reversion", {"window": 12, "threshold": 0.0004, "order_value": 1500.0}),
    "highs": ("breakout", {"window": 9, "exit_window": 4, "order_value": 2500.0}),
    "cross": ("sma_cross", {"fast": 5, "slow": 13, "order_value": 1200.0}),
    "guarded cross": (
        "sma_cross",
        {"fast": 3, "slow": 8, "order_value": 800.0, "stop_loss": 0.001, "trailing": 0.0009, "cooldown": 2},
    ),
    "careful": (
        "mean_reversion",
        {"window": 20, "threshold": 0.0003, "order_value": 900.0, "stop_loss": 0.0015, "min_profit": 0.0002},
    ),
    "trailing": ("breakout", {"window": 5, "exit_window": 5, "trailing": 0.0008, "cooldown": 3, "order_value": 700.0}),
    "greedy": ("mean_reversion", {"window": 12, "threshold": 0.0004, "order_value": 9000.0}),
}
"""By title. The greedy one asks for more than the account may risk in one order, and is denied."""


def scene_of(candles: int, interval: str = "1m") -> Scene:
    """Give the strategies on so many recorded candles, after those of the history."""
    path = KLINES / f"{SYMBOL}_{interval}_{RECORDED}.csv.gz"
    columns = read_csv(path, Market.SPOT, SYMBOL, interval).rows(0, HISTORY + candles)
    assert len(columns) == HISTORY + candles
    catalogue = discover()
    parts = {}
    for title, (name, settings) in _STRATEGIES.items():
        strategy = catalogue.find(name)
        parts[title] = Part(strategy, parse_config(strategy.Config, {**_COMMON, "candle": interval, **settings}))
    return Scene(parts, columns, bundled(), FUNDS, HISTORY)


def assert_that_it_was_worth_comparing(records: Mapping[str, Record]) -> None:
    """Entries, exits, stops and refusals have to be among what was compared, or its being equal says little."""
    orders = [order for record in records.values() for order in record.orders]
    assert {order.reason for order in orders} >= {
        "below mean",
        "back at mean",
        "new high",
        "stop loss",
        "trailing stop",
        "the quick average crossed above the slow one",
    }
    rules = {each.rule for record in records.values() for each in record.refused}
    assert rules >= {"minimum_profit", "cooldown", "order_value"}
    assert len(orders) > 100
    assert all(len(record.trips) > 3 for title, record in records.items() if title != "greedy")
