"""`bot sweep` as a person has it: a grid in, the best out, each played again by the exact engine."""

import csv
import gzip
import json
from pathlib import Path

import pytest
from tests.integration.cli.person import Person

RECORDED = Path(__file__).parents[3] / "../shared/data/klines/spot/BTCUSDT_1m_20250520_20250818.csv.gz"
ROWS = 5_000
LINE = ("sweep", "sma_cross", "--symbol", "BTCUSDT", "--candles", "candles.csv")
GRID = ("--grid", "fast=5,10,40", "--grid", "slow=20:60:20")


@pytest.fixture
def trader(person: Person) -> Person:
    """Give a person with some days of real minutes in a file."""
    with gzip.open(RECORDED, "rt", encoding="utf-8") as lines:
        text = "".join(line for line, _ in zip(lines, range(ROWS + 1), strict=False))
    (person.folder / "candles.csv").write_text(text)
    return person


def test_one_json_object_says_which_sets_did_best(trader: Person) -> None:
    answer = trader.run(*LINE, *GRID, "--json", "--all", "--best", "2")
    assert (answer.code, answer.err) == (0, "")
    told = json.loads(answer.out)
    # 40 is not below 20 and 40.
    assert (told["combos"], told["left_out"], told["screened"]) == (7, 2, 7)
    assert (told["candles"], told["bars"]) == (ROWS, 7 * ROWS)
    assert told["trades"] == sum(row["trades"] for row in told["rows"])
    assert min(told[name] for name in ("run_s", "load_s", "bars_per_s", "peak_rss_mb")) > 0
    first, second = told["best"]
    assert first["net_pnl"] >= second["net_pnl"]
    assert first["net_pnl"] == pytest.approx(max(row["net_pnl"] for row in told["rows"]))
    assert all(each["difference"]["trades"] == 0 and each["difference"]["net_pnl"] < 1e-9 for each in told["best"])


def test_each_set_is_what_a_backtest_of_it_says(trader: Person) -> None:
    common = ("--slippage-bps", "2", "--fill", "midpoint", "--order-value", "80", "--param", "stop_loss=0.004")
    told = json.loads(trader.ok(*LINE, "--grid", "fast=5,10", "--grid", "slow=30", *common, "--json", "--all"))
    for row in told["rows"]:
        params = [word for name, value in row["params"].items() for word in ("--param", f"{name}={value}")]
        alone = json.loads(trader.ok("backtest", *LINE[1:], *common, *params, "--json"))
        for figure in ("trades", "net_pnl", "fees", "win_rate", "profit_factor", "max_drawdown", "unrealised"):
            assert row[figure] == pytest.approx(alone[figure], rel=1e-6, abs=1e-9)


def test_a_person_sees_a_table_and_may_have_all_sets_in_a_file(trader: Person) -> None:
    shown = trader.ok(*LINE, *GRID, "--out", "rows.csv")
    assert "best by net P&L" in shown
    assert "2 sets that cannot be" in shown
    assert "0 trades and" in shown
    with (trader.folder / "rows.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {(row["fast"], row["slow"]) for row in rows} == {
        ("5", "20"), ("5", "40"), ("5", "60"), ("10", "20"), ("10", "40"), ("10", "60"), ("40", "60"),
    }  # fmt: skip
    trader.ok(*LINE, *GRID, "--out", "rows.json")
    assert len(json.loads((trader.folder / "rows.json").read_text())) == len(rows)


def test_what_the_kernel_does_not_know_is_played_by_the_engine(trader: Person) -> None:
    answer = trader.run(*LINE, *GRID, "--param", "daily_loss=1.5", "--json", "--jobs", "2")
    told = json.loads(answer.out)
    assert (told["screened"], told["because"]) == (0, "daily_loss")
    assert "7 of 7 sets are played by the exact engine: daily_loss" in answer.err
    assert told["best"][0]["difference"] == {"trades": 0, "net_pnl": 0}


@pytest.mark.parametrize(
    ("wish", "code", "complaint"),
    [
        ((), 2, "nothing varies"),
        (("--grid", "fasst=3,5"), 3, "did you mean 'fast'"),
        (("--grid", "fast=70,80"), 3, "none of the 2 sets can be"),
        (("--grid", "fast=a:b"), 3, "where a number belongs"),
        (("--grid", "candle=1m,5m"), 2, "says which candles are played"),
        (("--grid", "fast=3", "--out", "rows.txt"), 2, ".csv or .json"),
        (("--grid", "fast=3", "--since", "2030"), 3, "widen"),
        (("--grid", "fast=3", "--rules", "candles.csv"), 3, "no answer of exchangeInfo"),
        (("--grid", "fast=3", "--funds", "0"), 3, "wallet is empty"),
    ],
)
def test_what_cannot_be_swept_is_one_line(trader: Person, wish: tuple[str, ...], code: int, complaint: str) -> None:
    answer = trader.run(*LINE, *wish)
    assert (answer.code, answer.out) == (code, "")
    assert complaint in answer.complaint
