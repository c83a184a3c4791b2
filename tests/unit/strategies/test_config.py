import math

import pytest

from bot.domain.errors import Misconfigured
from bot.strategies.breakout import Breakout
from bot.strategies.config import StrategyConfig, parse_config
from bot.strategies.mean_reversion import MeanReversion

SEED = {
    "symbol": "BTCUSDT",
    "candle": "1m",
    "min_price": 50000.0,
    "max_price": 75000.0,
    "order_value": 50.0,
    "min_profit": 0.002,
    "fee_pct": 0.0005,
    "demo_mode": True,
}

MISTAKES: list[tuple[dict[str, object], str]] = [
    ({"symbol": None}, "symbol"),
    ({"symbol": 5}, "symbol"),
    ({"symbol": ""}, "symbol"),
    ({"symbol": "B"}, "symbol"),
    ({"symbol": "BTC USDT"}, "symbol"),
    ({"symbol": "../../etc"}, "symbol"),
    ({"symbol": "BTC;DROP"}, "symbol"),
    ({"symbol": "X" * 31}, "symbol"),
    ({"symbol": ["BTCUSDT"]}, "symbol"),
    ({"candle": "7m"}, "candle"),
    ({"candle": "999s"}, "candle"),
    ({"candle": "../../x"}, "candle"),
    ({"candle": "1H"}, "candle"),
    ({"candle": ""}, "candle"),
    ({"candle": 60}, "candle"),
    ({"candle": None}, "candle"),
    ({"min_price": -1.0}, "min_price"),
    ({"min_price": math.nan}, "min_price"),
    ({"min_price": math.inf}, "min_price"),
    ({"min_price": "50000"}, "min_price"),
    ({"min_price": None}, "min_price"),
    ({"max_price": -0.01}, "max_price"),
    ({"max_price": math.nan}, "max_price"),
    ({"max_price": [1]}, "max_price"),
    ({"min_price": 80000.0}, "min_price"),
    ({"order_value": 0.0}, "order_value"),
    ({"order_value": -50.0}, "order_value"),
    ({"order_value": math.nan}, "order_value"),
    ({"order_value": math.inf}, "order_value"),
    ({"order_value": 1e12}, "order_value"),
    ({"order_value": "50"}, "order_value"),
    ({"order_value": True}, "order_value"),
    ({"min_profit": -0.1}, "min_profit"),
    ({"min_profit": 1.0}, "min_profit"),
    ({"min_profit": 20}, "min_profit"),
    ({"min_profit": math.nan}, "min_profit"),
    ({"fee_pct": -0.0001}, "fee_pct"),
    ({"fee_pct": 5.0}, "fee_pct"),
    ({"fee_pct": 0.1}, "fee_pct"),
    ({"fee_pct": math.nan}, "fee_pct"),
    ({"demo_mode": "false"}, "demo_mode"),
    ({"demo_mode": 0}, "demo_mode"),
    ({"demo_mode": None}, "demo_mode"),
    ({"demo_mod": False}, "demo_mode"),
    ({"order_valu": 5}, "order_value"),
    ({"leverage": 20}, "leverage"),
    ({"market": "margin"}, "market"),
    ({"market": "SPOT"}, "market"),
    ({"market": None}, "market"),
    ({"warm_up": -1}, "warm_up"),
    ({"warm_up": 1.5}, "warm_up"),
    ({"warm_up": 100_000}, "warm_up"),
    ({"stop_loss": 0.0}, "stop_loss"),
    ({"protect": "exchange"}, "stop_loss"),
    ({"protect": "always"}, "protect"),
    ({"if_unprotected": "panic"}, "if_unprotected"),
    ({"stop_loss": 1.0}, "stop_loss"),
    ({"stop_loss": -0.02}, "stop_loss"),
    ({"take_profit": 0.0}, "take_profit"),
    ({"take_profit": 0.001}, "take_profit"),
    ({"trailing": 2.0}, "trailing"),
    ({"cooldown": -5}, "cooldown"),
    ({"cooldown": "10"}, "cooldown"),
    ({"fill": "best"}, "fill"),
    ({"slippage_bps": -1.0}, "slippage_bps"),
    ({"slippage_bps": math.inf}, "slippage_bps"),
    ({"capital": 10.0}, "capital"),
    ({"max_drawdown": 1.5}, "max_drawdown"),
    ({"max_drawdown": 0.0}, "max_drawdown"),
    ({"daily_loss": 0.0}, "daily_loss"),
    ({"max_open_orders": 0}, "max_open_orders"),
    ({"max_open_orders": 1_000}, "max_open_orders"),
    ({"window": 1}, "window"),
    ({"window": 2.5}, "window"),
    ({"window": 100_000}, "window"),
    ({"threshold": 0.0}, "threshold"),
    ({"threshold": 1.0}, "threshold"),
]


def test_the_seeds_own_example_is_read() -> None:
    config = parse_config(MeanReversion.Config, SEED)
    assert (config.symbol, config.min_profit, config.window) == ("BTCUSDT", 0.002, 20)


@pytest.mark.parametrize(("change", "name"), MISTAKES, ids=[str(change) for change, _ in MISTAKES])
def test_a_mistake_is_refused_by_name_in_one_line(change: dict[str, object], name: str) -> None:
    with pytest.raises(Misconfigured) as refusal:
        parse_config(MeanReversion.Config, SEED | change)
    text = str(refusal.value)
    assert name in text
    assert "\n" not in text


def test_there_are_at_least_sixty_listed_mistakes() -> None:
    assert len(MISTAKES) >= 60


def test_a_missing_symbol_is_named() -> None:
    with pytest.raises(Misconfigured, match="symbol: is missing; add it"):
        parse_config(StrategyConfig, {"order_value": 10})


def test_a_typo_gets_a_hint() -> None:
    with pytest.raises(Misconfigured, match="did you mean 'demo_mode'"):
        parse_config(StrategyConfig, {"symbol": "BTCUSDT", "demo_mod": False})


def test_several_mistakes_are_all_told_at_once() -> None:
    with pytest.raises(Misconfigured) as refusal:
        parse_config(StrategyConfig, {"symbol": "BTCUSDT", "candle": "7m", "fee_pct": 5.0, "nope": 1})
    assert all(name in str(refusal.value) for name in ("candle", "fee_pct", "nope"))


@pytest.mark.parametrize("written", ["BTC/USDT", "BTC-USDT", "btcusdt", "BTC/USDT:USDT"])
def test_the_usual_ways_of_writing_a_pair_are_understood(written: str) -> None:
    assert parse_config(StrategyConfig, {"symbol": written}).symbol == "BTCUSDT"


@pytest.mark.parametrize(
    ("written", "interval"), [("1w", "1w"), ("1M", "1M"), ("1D", "1d"), ("1mo", "1M"), ("1s", "1s")]
)
def test_all_of_binances_intervals_are_accepted(written: str, interval: str) -> None:
    assert parse_config(StrategyConfig, {"symbol": "BTCUSDT", "candle": written}).candle == interval


def test_a_new_strategy_is_paper() -> None:
    assert parse_config(StrategyConfig, {"symbol": "BTCUSDT"}).demo_mode is True


def test_an_exit_window_longer_than_the_entrys_is_refused() -> None:
    with pytest.raises(Misconfigured, match="exit_window"):
        parse_config(Breakout.Config, {"symbol": "BTCUSDT", "window": 5, "exit_window": 9})
