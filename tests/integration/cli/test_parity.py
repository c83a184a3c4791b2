"""`bot parity` as a person has it: every mode on some real candles, and runs that were kept."""

import asyncio
import gzip
import json
from decimal import Decimal
from pathlib import Path

import pytest
from tests.fakes.journal import next_turn
from tests.integration.cli.person import Person

from bot.backtest.run import Part, backtest
from bot.backtest.tally import Tally
from bot.db.base import Mode
from bot.domain.market import Market
from bot.domain.messages import Outcome, PlaceOrder, Tick
from bot.history.columns import read_csv
from bot.simulation.instruments import bundled
from bot.strategies.sma_cross import SmaCross

RECORDED = Path(__file__).parents[3] / "../shared/data/klines/spot/BTCUSDT_1m_20250520_20250818.csv.gz"
LINE = (
    "parity",
    "sma_cross",
    "--candles",
    "candles.csv",
    "--symbol",
    "BTCUSDT",
    "--param",
    "fast=3",
    "--param",
    "slow=8",
)
SETTINGS = {"symbol": "BTCUSDT", "candle": "1m", "fast": 3, "slow": 8, "order_value": 70.0, "fill": "last"}


class Everything(Tally):
    """Keeps all that comes out of an engine."""

    def __init__(self) -> None:
        super().__init__()
        self.outcomes: list[Outcome] = []

    def place(self, command: PlaceOrder) -> None:
        self.outcomes.append(command)

    def take(self, outcome: Outcome) -> None:
        super().take(outcome)
        self.outcomes.append(outcome)


@pytest.fixture
def trader(person: Person) -> Person:
    with gzip.open(RECORDED, "rt", encoding="utf-8") as lines:
        text = "".join(line for line, _ in zip(lines, range(121), strict=False))
    (person.folder / "candles.csv").write_text(text)
    return person


def test_every_mode_decides_the_same_and_leaves_nothing_but_what_was_asked_for(trader: Person) -> None:
    told = json.loads(trader.ok(*LINE, "--save", "kept", "--json"))
    assert told["equal"] is True
    assert [run["mode"] for run in told["runs"]] == ["dense", "sparse", "paper", "rehearsal"]
    assert len({(run["orders"], run["fills"], run["trips"], run["pnl"]) for run in told["runs"]}) == 1
    assert told["runs"][0]["orders"] > 5
    assert not (trader.folder / "var" / "parity").exists()
    kept = sorted(each.name for each in (trader.folder / "kept").iterdir())
    assert kept == [f"sma_cross-{mode}.json" for mode in ("dense", "paper", "rehearsal", "sparse")]
    said = trader.ok("parity", "kept/sma_cross-dense.json", "kept/sma_cross-rehearsal.json")
    assert "orders" in said
    assert "alike, none apart" in said


def test_where_runs_part_the_cause_is_told_and_the_code_is_1(trader: Person) -> None:
    backtests = ("--modes", "dense,sparse")
    trader.ok(*LINE, *backtests, "--save", "one")
    trader.ok(*LINE, *backtests, "--save", "other", "--fee-pct", "0.002")
    answer = trader.run("parity", "one/sma_cross-dense.json", "other/sma_cross-dense.json", "--json")
    assert answer.code == 1
    assert "dense and dense differ; the causes are listed" in answer.complaint
    (comparison,) = json.loads(answer.out)["comparisons"]
    assert set(comparison["causes"]) == {"settings", "fee"}
    assert comparison["differences"][0]["what"] == "fee_pct is 0.001 and 0.002"
    assert float(comparison["causes"]["fee"]["quote"]) > 0


@pytest.mark.parametrize(
    ("wish", "code", "complaint"),
    [
        (("sma_cross",), 2, "--symbol is missing"),
        (("sma_crosss", "--symbol", "BTCUSDT"), 3, "did you mean 'sma_cross'"),
        (("sma_cross", "--symbol", "BTCUSDT", "--modes", "dense,live"), 2, "does not name two or more"),
        (("sma_cross", "--symbol", "BTCUSDT", "--param", "fill=next"), 3, "at the last price alone"),
        (
            ("sma_cross", "--symbol", "BTCUSDT", "--candles", "candles.csv", "--until", "2025-05-20T00:20"),
            3,
            "needs 51",
        ),
        (("none.json", "other.json"), 3, "cannot read none.json"),
        (("candles.json",), 2, "give a second run"),
    ],
)
def test_mistakes_are_one_line(trader: Person, wish: tuple[str, ...], code: int, complaint: str) -> None:
    answer = trader.run("parity", *wish)
    assert (answer.code, complaint in answer.complaint) == (code, True), answer


async def lived(url: str, candles: Path) -> int:
    """Let the journal remember what a run of the account's first strategy came to; gives its number of orders."""
    strategy = SmaCross
    config = strategy.Config.model_validate(SETTINGS)
    columns = read_csv(candles, Market.SPOT, "BTCUSDT", "1m")
    everything = Everything()
    backtest([Part(strategy, config)], [columns], bundled(), {"USDT": Decimal(10_000)}, tally=everything)
    journal = await next_turn(url, 1, Mode.PAPER)
    for number, outcome in enumerate(everything.outcomes):
        await journal.record(Tick(number), [outcome])
    await journal.close()
    return sum(isinstance(each, PlaceOrder) for each in everything.outcomes)


def test_a_journal_is_compared_with_a_backtest_of_its_time(trader: Person, database_url: str) -> None:
    trader.ok("account", "add", "--name", "a", "--paper")
    settings = [f"--set={name}={value}" for name, value in SETTINGS.items() if name not in {"symbol", "candle"}]
    trader.ok("strategy", "add", "sma_cross", "--account", "a", "--symbol", "BTCUSDT", "--title", "cross", *settings)
    source = ("--candles", "candles.csv", "--json")
    never = trader.run("parity", "paper:a/cross", *source)
    assert (never.code, "never decided anything" in never.complaint) == (3, True)

    orders = asyncio.run(lived(database_url, trader.folder / "candles.csv"))
    told = json.loads(trader.ok("parity", "paper:a/cross", *source))
    assert (told["equal"], [run["run"] for run in told["runs"]]) == (True, ["dense", "paper:a/cross"])
    assert told["comparisons"][0]["orders_alike"] == told["comparisons"][0]["fills_alike"] == orders > 5

    # A candle that came otherwise than it is kept now: one order is decided on another price.
    rows = (trader.folder / "candles.csv").read_text().splitlines()
    cells = rows[60].split(",")
    rows[60] = ",".join([*cells[:2], str(float(cells[2]) + 900), cells[3], str(float(cells[4]) + 900), *cells[5:]])
    (trader.folder / "candles.csv").write_text("\n".join(rows) + "\n")
    answer = trader.run("parity", "paper:a/cross", *source)
    assert answer.code == 1
    assert set(json.loads(answer.out)["comparisons"][0]["causes"]) & {"missed data", "unexplained"}
