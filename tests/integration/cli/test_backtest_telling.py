"""What `bot backtest` says of money that ends in no figure, and of candles that are not there."""

import gzip
import json
from pathlib import Path

import pytest
from tests.integration.cli.person import Person

RECORDED = Path(__file__).parents[3] / "../shared/data/klines/spot/BTCUSDT_1m_20250520_20250818.csv.gz"
ROWS = 3_000
WISH = ("--symbol", "BTCUSDT", "--param", "fast=5", "--param", "slow=12")
LINE = ("backtest", "sma_cross", "--candles", "candles.csv", *WISH)
HOLE = range(1_000, 1_099)
HOLES = (
    "102 candles are missing in BTCUSDT 1m, and those around are played as neighbours; "
    "the first hole: 99 missing from 2025-05-20 16:39 UTC to 2025-05-20 18:17 UTC"
)


@pytest.fixture
def trader(person: Person) -> Person:
    """Give a person with some days of real minutes in a file, and the same with holes in it."""
    with gzip.open(RECORDED, "rt", encoding="utf-8") as text:
        lines = [line for line, _ in zip(text, range(ROWS + 1), strict=False)]
    (person.folder / "candles.csv").write_text("".join(lines))
    gone = {*HOLE, 2_000, 2_001, 2_002}
    (person.folder / "holes.csv").write_text("".join(line for row, line in enumerate(lines) if row not in gone))
    return person


def test_what_left_the_wallet_was_lost_or_is_dust(trader: Person) -> None:
    answer = trader.run(*LINE, "--json", "--out", "run")
    assert (answer.code, answer.err) == (0, "")
    told = json.loads(answer.out)
    assert told["trades"] > 100
    assert told["missing"] == 0
    still = 50 if told["unrealised"] else 0
    gone = 10_000 + told["net_pnl"] - told["wallet"] - still
    assert gone > 50
    assert told["dust"] == pytest.approx(gone, rel=0.05)
    report = json.loads((trader.folder / "run" / "result.json").read_text())
    assert report["left_over"]["value"] == pytest.approx(told["dust"])


def test_a_wallet_that_runs_dry_is_warned_of(trader: Person) -> None:
    answer = trader.run(*LINE, "--funds", "120")
    assert answer.code == 0
    (line,) = answer.err.splitlines()
    assert line.startswith("warning: entries were refused for lack of money from 2025-05-2")
    assert line.endswith(" UTC on: raise --funds")
    shown = dict(line.split(maxsplit=1) for line in answer.out.splitlines() if len(line.split()) > 1)
    assert 0 < float(shown["wallet"]) < 50 < float(shown["dust"])


def test_holes_of_a_file_and_of_the_store_are_told_once(trader: Person) -> None:
    trader.ok("data", "import", "holes.csv", "--symbol", "BTCUSDT", "--interval", "1m", "--mark")
    for command, *grid in (("backtest",), ("sweep", "--grid", "fast=5,6")):
        for source in (("--candles", "holes.csv"), ()):
            wish = (*WISH[:2], *WISH[4:]) if grid else WISH
            answer = trader.run(command, "sma_cross", *wish, *source, *grid, "--json")
            assert answer.code == 0
            assert answer.err.splitlines() == [f"warning: {HOLES}"]
            assert json.loads(answer.out)["missing"] == 102


def test_a_study_warns_of_holes(trader: Person) -> None:
    wish = ("--grid", "fast=5,6", "--where", "trades>=1", "--jobs", "1", *WISH[:2])
    answer = trader.run("sweep", "sma_cross", "--candles", "holes.csv", *wish, "--json")
    assert answer.code == 0
    assert HOLES in answer.err
