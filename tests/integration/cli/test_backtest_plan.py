"""`bot backtest --plan` and `--detail` as a person has them: several strategies on one wallet, and finer candles."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from tests.integration.cli.person import Person

KLINES = Path(__file__).parents[3] / "../shared/data/klines/spot"
MINUTES, QUARTERS = "1m_20250520_20250818.csv.gz", "15m_20250520_20250818.csv.gz"
ROWS = 1_500
BTC = {"symbol": "BTCUSDT", "candle": "15m", "fast": 5, "slow": 12}
ETH = {"symbol": "ETHUSDT", "candle": "15m", "fast": 5, "slow": 12, "order_value": 200.0}


@pytest.fixture
def trader(person: Person) -> Person:
    """Give a person with some days of two symbols in files, quarters of hours and minutes."""
    for symbol, length, name in (("BTC", QUARTERS, "btc"), ("ETH", QUARTERS, "eth"), ("BTC", MINUTES, "fine")):
        rows = 15 * ROWS if name == "fine" else ROWS
        with gzip.open(KLINES / f"{symbol}USDT_{length}", "rt", encoding="utf-8") as lines:
            text = "".join(line for line, _ in zip(lines, range(rows + 1), strict=False))
        (person.folder / f"{name}.csv").write_text(text)
    return person


def plan(trader: Person, *rows: dict[str, Any]) -> tuple[str, ...]:
    (trader.folder / "plan.json").write_text(json.dumps(list(rows)))
    return ("backtest", "--plan", "plan.json")


def test_a_plan_plays_its_strategies_on_one_wallet(trader: Person) -> None:
    line = plan(
        trader,
        {"name": "sma_cross", "title": "one", "config": BTC, "candles": "btc.csv"},
        {"name": "sma_cross", "title": "two", "config": ETH, "candles": "eth.csv"},
    )
    told = json.loads(trader.ok(*line, "--json"))
    one, two = told["strategies"]
    assert [(each["title"], each["symbol"], each["bars"]) for each in (one, two)] == [
        ("one", "BTCUSDT", ROWS), ("two", "ETHUSDT", ROWS),
    ]  # fmt: skip
    assert told["bars"] == 2 * ROWS
    assert 0 < told["dust"] < 10_000 - told["wallet"]
    assert not {"wallet", "dust"} & one.keys()
    for figure in ("trades", "net_pnl", "fees", "unrealised", "denied"):
        assert told[figure] == pytest.approx(one[figure] + two[figure])
    for each, config, file in ((one, BTC, "btc.csv"), (two, ETH, "eth.csv")):
        params = [word for key in ("fast", "slow") for word in ("--param", f"{key}={config[key]}")]
        alone = json.loads(
            trader.ok(
                "backtest", "sma_cross", "--symbol", str(config["symbol"]), "--interval", "15m", "--candles", file,
                "--order-value", str(config.get("order_value", 50.0)), *params, "--json",
            )
        )  # fmt: skip
        assert alone["trades"] > 10
        assert {key: each[key] for key in alone if key in each} == {key: alone[key] for key in alone if key in each}
    shown = trader.ok(*line)
    assert shown.count("net pnl") == 3


def test_a_plan_may_be_toml_and_the_options_fill_in_what_it_leaves_out(trader: Person) -> None:
    (trader.folder / "plan.toml").write_text(
        '[[strategies]]\nname = "sma_cross"\ncandles = "btc.csv"\n'
        '[strategies.config]\nsymbol = "BTCUSDT"\nfast = 5\nslow = 12\n'
    )
    told = json.loads(trader.ok("backtest", "--plan", "plan.toml", "--interval", "15m", "--json"))
    assert (told["strategy"], told["interval"]) == ("sma_cross", "15m")
    assert told["trades"] > 10


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        ([], "names no strategy"),
        ([{"name": "sma_cross"}], "strategy 1: it needs a name and a config"),
        ([{"name": "sma_croos", "config": BTC}], "strategy 1: "),
        ([{"name": "sma_cross", "config": {**BTC, "fasst": 1}}], "did you mean 'fast'"),
        ([{"name": "sma_cross", "config": BTC, "fast": 3}], "'fast' is not known; settings stand in its config"),
        ([{"name": "sma_cross", "config": BTC}] * 2, "is called 'sma_cross BTCUSDT' too"),
        ([{"name": "sma_cross", "config": BTC, "candles": "none.csv"}], "none.csv"),
        ([{"name": "sma_cross", "config": BTC, "candles": "btc.csv"},
          {"name": "sma_cross", "title": "b", "config": BTC, "candles": "eth.csv"}], "both said to hold"),
        ([{"name": "sma_cross", "config": BTC, "candles": "btc.csv"},
          {"name": "sma_cross", "config": {**BTC, "market": "futures"}, "candles": "btc.csv"}], "is called"),
        ([{"name": "sma_cross", "title": "a", "config": BTC, "candles": "btc.csv"},
          {"name": "sma_cross", "title": "b", "config": {**BTC, "market": "futures"}, "candles": "btc.csv"}], "wallets"),
    ],
)  # fmt: skip
def test_a_plan_that_cannot_be_is_one_line(trader: Person, rows: list[dict[str, Any]], complaint: str) -> None:
    answer = trader.run(*plan(trader, *rows))
    assert (answer.code, answer.out) == (3, "")
    assert complaint in answer.complaint


def test_a_plan_and_a_strategy_are_two_ways_to_say_it(trader: Person) -> None:
    line = plan(trader, {"name": "sma_cross", "config": BTC, "candles": "btc.csv"})
    for words in (("--symbol", "BTCUSDT"), ("--param", "fast=3")):
        answer = trader.run(*line, *words)
        assert (answer.code, answer.out) == (2, "")
        assert "put it into the plan" in answer.complaint
    assert "STRATEGY is missing" in trader.run("backtest", "--symbol", "BTCUSDT").complaint
    (trader.folder / "plan.json").write_text("{")
    assert "cannot be understood" in trader.run(*line).complaint
    absent = trader.run("backtest", "--plan", "nope.json")
    assert (absent.code, absent.out) == (3, "")
    assert "cannot read nope.json: No such file or directory; give a plan" in absent.complaint


LINE = (
    "backtest", "breakout", "--symbol", "BTCUSDT", "--interval", "15m", "--candles", "btc.csv", "--param",
    'protect="exchange"', "--param", "stop_loss=0.004", "--param", "take_profit=0.006",
)  # fmt: skip


def test_detail_says_what_came_first_within_a_candle(trader: Person) -> None:
    blind = json.loads(trader.ok(*LINE, "--json"))
    told = json.loads(trader.ok(*LINE, "--detail", "1m", "--detail-candles", "fine.csv", "--json"))
    assert told["bars"] == blind["bars"] == ROWS
    assert "1m candles inside the others" in told["detail"]
    assert "detail" not in blind
    # The stop of what was bought at an open stands from then on, and not only from the close.
    assert told["trades"] > 5
    assert told["net_pnl"] != blind["net_pnl"]


@pytest.mark.parametrize(
    ("wish", "code", "complaint"),
    [
        (("--detail", "15m", "--detail-candles", "btc.csv"), 3, "not finer"),
        (("--detail", "1m", "--detail-candles", "eth.csv"), 3, "1m"),
        (("--detail", "7m"), 2, "is no interval"),
        (("--detail", "1m"), 3, "bot data download BTCUSDT 1m"),
        (("--detail-candles", "fine.csv"), 2, "needs --detail"),
        (("--detail", "1m", "--detail-candles", "fine.csv", "--fill", "midpoint"), 3, "next or last"),
    ],
)
def test_detail_that_does_not_fit_is_one_line(trader: Person, wish: tuple[str, ...], code: int, complaint: str) -> None:
    answer = trader.run(*LINE, *wish)
    assert (answer.code, answer.out) == (code, "")
    assert complaint in answer.complaint
