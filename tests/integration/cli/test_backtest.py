"""`bot backtest` as a person has it: real candles in, one answer out, and one line for what cannot be played."""

import gzip
import json
from pathlib import Path

import pytest
from tests.integration.cli.person import Person

RECORDED = Path(__file__).parents[3] / "../shared/data/klines/spot/BTCUSDT_1m_20250520_20250818.csv.gz"
ROWS = 5_000
LINE = ("backtest", "sma_cross", "--symbol", "BTCUSDT", "--candles", "candles.csv", "--param", "fast=20")


@pytest.fixture
def trader(person: Person) -> Person:
    """Give a person with some days of real minutes in a file."""
    with gzip.open(RECORDED, "rt", encoding="utf-8") as lines:
        text = "".join(line for line, _ in zip(lines, range(ROWS + 1), strict=False))
    (person.folder / "candles.csv").write_text(text)
    return person


def test_one_json_object_says_what_came_of_it(trader: Person) -> None:
    wish = ("--interval", "1m", "--param", "slow=50", "--order-value", "50", "--fee-pct", "0.001", "--fill", "next")
    answer = trader.run(*LINE, *wish, "--json")
    assert (answer.code, answer.err) == (0, "")
    told = json.loads(answer.out)
    assert (told["bars"], told["mode"]) == (ROWS, "sparse")
    assert told["trades"] > 20
    assert told["net_pnl"] < 0 < told["fees"] < told["trades"] * 0.11
    assert min(told[name] for name in ("run_s", "load_s", "bars_per_s", "peak_rss_mb")) > 0
    without_fees = json.loads(trader.ok(*LINE, *wish[:-3], "0", "--fill", "next", "--json"))
    assert without_fees["net_pnl"] > told["net_pnl"]
    assert sorted(each.name for each in trader.folder.iterdir() if each.name != ".env") == ["candles.csv"]


def test_candles_of_the_store_are_played_like_those_of_the_file(trader: Person) -> None:
    trader.ok("data", "import", "candles.csv", "--symbol", "BTCUSDT", "--interval", "1m")
    file, store = (
        json.loads(trader.ok("backtest", "sma_cross", "--symbol", "BTCUSDT", *source, "--json"))
        for source in (("--candles", "candles.csv"), ())
    )
    for figure in ("bars", "trades", "net_pnl", "fees", "max_drawdown"):
        assert file[figure] == store[figure]


def test_a_report_says_whether_candles_came_from_a_file_or_the_store(trader: Person) -> None:
    trader.ok("data", "import", "candles.csv", "--symbol", "BTCUSDT", "--interval", "1m")
    words = ("backtest", "sma_cross", "--symbol", "BTCUSDT", "--out")
    trader.ok(*words, "store")
    trader.ok(*words, "file", "--candles", "candles.csv")
    told = [json.loads((trader.folder / name / "result.json").read_text()) for name in ("store", "file")]
    assert told[0]["candles_from"] == "the store of bot data (1 month, each with its certificate)"
    assert told[1]["candles_from"] == "the file candles.csv"
    assert told[0]["parts"][0]["candles"] == told[1]["parts"][0]["candles"]


@pytest.mark.parametrize(
    ("wish", "code", "complaint"),
    [
        (("--param", "fasst=3"), 3, "did you mean 'fast'"),
        (("--interval", "5m"), 3, "not on the grid of 5m"),
        (("--funds", "-5"), 3, "wallet is empty"),
        (("--since", "2030"), 3, "widen"),
        (("--fill", "tomorrow"), 3, "fill"),
        (("--rules", "candles.csv"), 3, "no answer of exchangeInfo"),
    ],
)
def test_what_cannot_be_played_is_one_line(trader: Person, wish: tuple[str, ...], code: int, complaint: str) -> None:
    answer = trader.run(*LINE, *wish)
    assert (answer.code, answer.out) == (code, "")
    assert complaint in answer.complaint


def test_no_trade_at_all_has_its_cause_told(trader: Person) -> None:
    too_small = trader.run(*LINE, "--order-value", "2")
    assert too_small.code == 0
    assert "nothing was traded:" in too_small.err
    assert "notional" in too_small.err.lower()


def test_a_report_is_one_page_or_a_folder_of_files(trader: Person) -> None:
    told = json.loads(trader.ok(*LINE, "--html", "run.html", "--out", "run", "--json"))
    page = (trader.folder / "run.html").read_text()
    assert page.startswith("<!doctype html>")
    assert page == (trader.folder / "run" / "report.html").read_text()
    result = json.loads((trader.folder / "run" / "result.json").read_text())
    for figure in ("net_pnl", "trades", "max_drawdown", "win_rate", "profit_factor"):
        assert result["figures"][figure] == pytest.approx(told[figure])
    assert (result["bars"], result["costs"]["fees"]) == (told["bars"], pytest.approx(told["fees"]))
    assert "wrote run.html" in trader.ok(*LINE, "--html", "run.html")


@pytest.mark.parametrize(
    ("wish", "complaint"),
    [
        (("--html", "nowhere/run.html"), "there is no folder"),
        (("--html", "."), "is a folder"),
        (("--out", "candles.csv"), "is a file"),
    ],
)
def test_a_report_that_could_not_be_written_is_refused_before_the_run(
    trader: Person, wish: tuple[str, ...], complaint: str
) -> None:
    answer = trader.run(*LINE, *wish)
    assert (answer.code, answer.out) == (3, "")
    assert complaint in answer.complaint


def test_runs_are_kept_listed_shown_compared_and_removed(trader: Person) -> None:
    told = json.loads(trader.ok(*LINE, "--save", "quick", "--json"))
    assert "kept as slow_one" in trader.ok(*LINE, "--param", "slow=80", "--out", "slow", "--save", "slow_one")
    assert "kept as sma_cross-BTCUSDT-1m-" in trader.ok(*LINE, "--save")

    kept = json.loads(trader.ok("backtest", "list", "--json"))
    assert [each["name"] for each in kept[1:]] == ["slow_one", "quick"]
    assert kept[2]["figures"]["net_pnl"] == pytest.approx(told["net_pnl"])
    shown = json.loads(trader.ok("backtest", "show", "quick", "--json"))
    assert shown["figures"]["trades"] == told["trades"]
    assert shown["headline"] in trader.ok("backtest", "show", "quick")
    trader.ok("backtest", "show", "slow_one", "--html", "again.html")
    assert (trader.folder / "again.html").read_text() == (trader.folder / "slow" / "report.html").read_text()

    found = json.loads(
        trader.ok("backtest", "compare", "quick", "slow", "slow/result.json", "--json", "--html", "both.html")
    )
    assert found["figures"]["trades"]["values"][0] == told["trades"]
    assert found["figures"]["trades"]["values"][1] == found["figures"]["trades"]["values"][2]
    assert [(each["name"], each["values"]) for each in found["differs"]] == [("slow", ["50", "80", "80"])]
    assert "candles" in found["same"]
    assert (trader.folder / "both.html").stat().st_size > 50_000
    assert "settings: slow" in trader.ok("backtest", "compare", "quick", "slow_one")

    trader.ok("backtest", "remove", "quick")
    assert "no run named 'quick'" in trader.run("backtest", "show", "quick").complaint


def test_a_name_that_is_taken_or_none_is_refused_before_the_run(trader: Person) -> None:
    trader.ok(*LINE, "--save", "mine")
    again = trader.run(*LINE, "--save", "mine", "--html", "page.html")
    assert (again.code, again.out) == (3, "")
    assert "kept already" in again.complaint
    assert not (trader.folder / "page.html").exists()
    assert trader.run(*LINE, "--save", "a/b").code == 2


def test_options_may_stand_before_the_strategy(trader: Person) -> None:
    answer = trader.run("backtest", *LINE[2:], "--json", "sma_cross")
    assert (answer.code, json.loads(answer.out)["bars"]) == (0, ROWS)


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        (("compare", "candles.csv", "candles.csv"), 3, "no result of a backtest"),
        (("compare", "nowhere.json", "candles.csv"), 3, "there is no file"),
        (("compare", "candles.csv"), 2, "nothing to be compared with"),
        (("compare", ".", "candles.csv"), 3, "has no result.json"),
    ],
)
def test_what_cannot_be_compared_is_one_line(trader: Person, words: tuple[str, ...], code: int, complaint: str) -> None:
    answer = trader.run("backtest", *words)
    assert (answer.code, answer.out) == (code, "")
    assert complaint in answer.complaint
