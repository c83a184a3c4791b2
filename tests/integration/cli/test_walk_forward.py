"""`bot walk-forward` and `bot study` as a person has them: kept, compared, killed in the middle, and gone on with."""

import gzip
import json
import signal
from pathlib import Path
from typing import Any

import pytest
from tests.integration.cli.holding import Database
from tests.integration.cli.person import CLI, Person

RECORDED = Path(__file__).parents[3] / "../shared/data/klines/spot/BTCUSDT_1m_20250520_20250818.csv.gz"
ROWS = 3_000
LINE = (
    "walk-forward", "sma_cross", "--symbol", "BTCUSDT", "--candles", "candles.csv", "--fee-pct", "0.0001",
    "--grid", "fast=5,10,20", "--grid", "slow=20,40",
)  # fmt: skip


@pytest.fixture
def trader(person: Person) -> Person:
    """Give a person with two days of real minutes in a file."""
    with gzip.open(RECORDED, "rt", encoding="utf-8") as lines:
        text = "".join(line for line, _ in zip(lines, range(ROWS + 1), strict=False))
    (person.folder / "candles.csv").write_text(text)
    return person


def told(trader: Person, *words: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(trader.ok(*words, "--json"))
    return answer


def test_a_walk_says_what_was_chosen_and_what_came_of_it(trader: Person) -> None:
    answer = told(trader, *LINE, "--train", "12h", "--test", "6h", "--equity", "equity.csv")
    assert answer["left_out"] == 1
    windows = answer["windows"]
    assert len(windows) == 6
    for each in windows:
        ((begun, ended),) = each["train"]
        assert begun < ended < each["test"][0] < each["test"][1]
        assert each["params"]["fast"] < each["params"]["slow"]
    assert answer["joined"]["trades"] == sum(each["unseen"]["trades"] for each in windows)
    assert answer["joined"]["net_pnl"] == pytest.approx(sum(each["unseen"]["net_pnl"] for each in windows))
    assert answer["luck"]["trades"] == answer["joined"]["trades"] > 5
    lines = (trader.folder / "equity.csv").read_text().splitlines()
    assert lines[0] == "time_ms,equity"
    assert len(lines) - 1 == answer["joined"]["bars"]
    gained = answer["joined"]["net_pnl"] + answer["joined"]["unrealised"]
    assert float(lines[-1].split(",")[1]) == pytest.approx(10_000 + gained)


def test_a_person_gets_a_table_and_a_warning(trader: Person) -> None:
    answer = trader.run(*LINE, "--folds", "3", "--embargo", "1h")
    assert answer.code == 0
    for words in ("fold 1", "fold 3", "efficiency", "order of trades"):
        assert words in answer.out
    assert "not to be relied on" in answer.err


@pytest.mark.parametrize(
    ("wish", "code", "complaint"),
    [
        (("--train", "12h"), 3, "--train and --test go together"),
        (("--train", "1y", "--test", "1d"), 3, "is no length of time"),
        (("--train", "5d", "--test", "5d"), 3, "too few for these windows"),
        (("--folds", "3", "--train", "1d"), 2, "cuts the candles by itself"),
        (("--embargo", "1d"), 2, "goes with --folds"),
        (("--search", "tpe"), 3, "the same sets in every window"),
        (("--search", "guess"), 3, "there is no search"),
        (("--objective", "profit"), 3, "no figure of a trial"),
        (("--where", "trades"), 3, "is not like trades>=30"),
        (("--grid", "fasst=1,2"), 3, "did you mean 'fast'"),
        (("--param", "fast=3"), 3, "stays by --param and varies by --grid"),
        (("--grid", "fee_pct=2,3"), 3, "all 12 sets of settings were left out"),
        (("--jobs", "-1"), 2, "--jobs"),
    ],
)
def test_what_cannot_be_walked_is_one_line(trader: Person, wish: tuple[str, ...], code: int, complaint: str) -> None:
    answer = trader.run(*LINE, *wish)
    assert (answer.code, answer.out) == (code, "")
    assert complaint in answer.complaint


def test_without_a_grid_nothing_varies(trader: Person) -> None:
    answer = trader.run(*LINE[:8])
    assert answer.code == 3
    assert "nothing varies" in answer.complaint


def test_a_walk_that_is_killed_goes_on_to_the_same_result_and_counts_each_trial_once(trader: Person) -> None:
    many = (*LINE[:-4], "--grid", "fast=2:8:2", "--grid", "slow=25:65:20", "--folds", "3")
    kept = (*many, "--study", "walked")
    database = Database(trader.settings["DB_URL"])
    # Killed among the trials that settings are chosen by (36 of them), and again among those that try what was chosen.
    for first in (9, 37):
        with database.holding(first), trader.running(*kept, "--json", command=CLI) as program:
            database.wait_for_held(1)
            program.process.send_signal(signal.SIGKILL)
            program.wait()
        database.wait_for_nobody()
        database.connection.execute("DROP TRIGGER hold ON trials; DROP FUNCTION hold")
    again = told(trader, *kept)
    assert database.states() == {"done": 39}
    assert {attempts for (attempts,) in database.ask("SELECT DISTINCT attempts FROM trials")} <= {1, 2}
    database.connection.close()
    whole = told(trader, *many)
    for answer in (again, whole):
        del answer["load_s"], answer["run_s"]
    assert again == whole


def test_studies_are_listed_shown_compared_and_removed(trader: Person) -> None:
    assert told(trader, "study", "list") == []
    assert "no study is kept" in trader.ok("study", "list")
    told(trader, *LINE, "--study", "one")
    told(trader, *LINE, "--study", "two", "--objective", "sharpe", "--folds", "3")
    listed = told(trader, "study", "list")
    assert [(each["name"], each["trials"], each["done"]) for each in listed] == [("two", 18, 18), ("one", 30, 30)]
    assert "walk" in trader.ok("study", "list")
    one = told(trader, "study", "show", "one", "--all")
    assert [each["window"] for each in one["windows"]] == [f"window {n}" for n in range(1, 6)]
    assert len(one["trials"]) == 30
    assert "window 5" in trader.ok("study", "show", "one")
    compared = told(trader, "study", "compare", "one", "two")
    assert compared["differs"] == ["objectives", "split"]
    assert "they differ in: objectives, split" in trader.ok("study", "compare", "one", "two")
    other = trader.run(*LINE, "--study", "one", "--fill", "last")
    assert (other.code, other.out) == (3, "")
    assert "a study 'one' of other settings, candles or code" in other.complaint
    trader.ok("study", "remove", "one")
    gone = trader.run("study", "show", "one")
    assert gone.code == 3
    assert "there is no study 'one'" in gone.complaint


def test_a_walk_that_is_not_kept_needs_no_database(trader: Person) -> None:
    answer = trader.run(*LINE, "--json", DB_URL="postgresql://bot@127.0.0.1:9/none")
    assert answer.code == 0
    kept = trader.run(*LINE, "--study", "one", DB_URL="postgresql://bot@127.0.0.1:9/none")
    assert kept.code == 1
    assert "does not answer" in kept.complaint
