"""`bot backtest --market futures` as a person has it."""

import gzip
import json
from pathlib import Path

import pytest
from tests.integration.cli.person import Person

DATA = Path(__file__).parents[3] / "../shared/data"
CANDLES, RATES = "klines/um/BTCUSDT_1h_20230101_20251206.csv.gz", "funding/um/BTCUSDT_funding_20230101_20251206.csv.gz"
ROWS = 2_000
LINE = (
    "backtest", "sma_cross", "--market", "futures", "--symbol", "BTCUSDT", "--interval", "1h", "--candles",
    "candles.csv", "--order-value", "1000", "--fee-pct", "0.0005",
)  # fmt: skip


@pytest.fixture
def trader(person: Person) -> Person:
    """Give a person with some weeks of real hours in a file, and the funding rates of those."""
    for name, source, rows in (("candles.csv", CANDLES, ROWS), ("rates.csv", RATES, ROWS // 8)):
        with gzip.open(DATA / source, "rt", encoding="utf-8") as lines:
            (person.folder / name).write_text("".join(line for line, _ in zip(lines, range(rows + 1), strict=False)))
    return person


def test_the_result_has_what_futures_cost_and_what_was_assumed(trader: Person) -> None:
    assumed, known, dear = (
        json.loads(trader.ok(*LINE, *rates, "--json"))
        for rates in ((), ("--funding", "rates.csv"), ("--funding-rate", "0.01"))
    )
    for told in (assumed, known, dear):
        assert (told["bars"], told["market"], told["leverage"], told["liquidations"]) == (ROWS, "futures", 1, 0)
        assert told["mark_price"] == "assumed to be the last price"
        entry_fee = 0.5 if told["unrealised"] else 0.0
        assert told["dust"] == 0
        assert told["wallet"] == pytest.approx(10_000 + told["net_pnl"] - entry_fee, abs=1)
    assert assumed["trades"] == known["trades"] > 10
    assert assumed["funding"] < 0 > known["funding"]
    assert dear["funding"] == pytest.approx(100 * assumed["funding"])
    assert dear["net_pnl"] - dear["funding"] == pytest.approx(assumed["net_pnl"] - assumed["funding"])
    assert assumed["funding_source"] == "no known rate, 250 assumed at 0.0001 every 8 h"
    assert known["funding_source"] == "250 known rates"


def test_mark_prices_of_a_file_are_played(trader: Person) -> None:
    told = json.loads(trader.ok(*LINE, "--mark", "candles.csv", "--json"))
    assert told["mark_price"] == "its own candles"
    assert told["net_pnl"] == json.loads(trader.ok(*LINE, "--json"))["net_pnl"]


def test_brackets_of_a_file_decide_over_leverage(trader: Person) -> None:
    steps = [
        {"bracket": 1, "initialLeverage": 5, "notionalCap": 9000, "notionalFloor": 0, "maintMarginRatio": 0.1, "cum": 0}
    ]
    (trader.folder / "brackets.json").write_text(json.dumps([{"symbol": "BTCUSDT", "brackets": steps}]))
    assert json.loads(trader.ok(*LINE, "--leverage", "5", "--brackets", "brackets.json", "--json"))["leverage"] == 5
    answer = trader.run(*LINE, "--leverage", "6", "--brackets", "brackets.json")
    assert (answer.code, answer.out) == (3, "")
    assert "leverage from 1 to 5, not 6" in answer.complaint


@pytest.mark.parametrize(
    ("wish", "code", "complaint"),
    [
        (("--leverage", "0"), 3, "leverage"),
        (("--market", "options"), 3, "market"),
        (("--market", "spot", "--funding", "rates.csv"), 2, "--market futures"),
        (("--market", "spot", "--leverage", "2"), 3, "leverage is for futures"),
        (("--funding", "candles.csv"), 3, "no columns funding_time"),
        (("--funding-rate", "much"), 2, "is no rate"),
        (("--mark", "rates.csv"), 3, "no column"),
        (("--brackets", "candles.csv"), 3, "candles.csv"),
        (("--rules", "candles.csv"), 3, "no answer of exchangeInfo"),
        (("--symbol", "NEWUSDT"), 3, "--brackets FILE"),
    ],
)
def test_what_cannot_be_played_is_one_line(trader: Person, wish: tuple[str, ...], code: int, complaint: str) -> None:
    before = sorted(trader.folder.iterdir())
    answer = trader.run(*LINE, *wish)
    assert (answer.code, answer.out) == (code, "")
    assert complaint in answer.complaint
    assert sorted(trader.folder.iterdir()) == before


def test_the_report_splits_what_futures_cost(trader: Person) -> None:
    told = json.loads(trader.ok(*LINE, "--funding-rate", "0.001", "--slippage-bps", "4", "--out", "run", "--json"))
    result = json.loads((trader.folder / "run" / "result.json").read_text())
    costs, figures = result["costs"], result["figures"]
    assert costs["funding"] == pytest.approx(-told["funding"])
    assert costs["fees"] == pytest.approx(told["fees"])
    # Fees are 5 bps of what was turned over, slippage 4 bps of it, and on the tick.
    assert costs["slippage"] == pytest.approx(costs["fees"] * 4 / 5, rel=0.03)
    assert costs["result"] == pytest.approx(told["net_pnl"] + told["unrealised"])
    assert costs["before"] == pytest.approx(costs["result"] + costs["fees"] + costs["slippage"] + costs["funding"])
    assert figures["max_drawdown"] == pytest.approx(told["max_drawdown"])
    assert "Funding source" in dict(result["assumptions"])
