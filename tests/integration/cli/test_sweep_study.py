"""`bot sweep` with searches, bounds and studies that are kept; by one process, several, or several programs at once."""

import contextlib
import csv
import gzip
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.cli.holding import Database
from tests.integration.cli.person import CLI, Person, until

RECORDED = Path(__file__).parents[3] / "../shared/data/klines/spot/BTCUSDT_1m_20250520_20250818.csv.gz"
ROWS = 3_000
LINE = ("sweep", "sma_cross", "--symbol", "BTCUSDT", "--candles", "candles.csv", "--fee-pct", "0.0001")
GRID = ("--grid", "fast=5,10,40", "--grid", "slow=20:60:20")
MANY = ("--grid", "fast=2:20:2", "--grid", "slow=25:50:5")
"""60 sets."""


@pytest.fixture
def trader(person: Person) -> Person:
    """Give a person with two days of real minutes in a file."""
    with gzip.open(RECORDED, "rt", encoding="utf-8") as lines:
        text = "".join(line for line, _ in zip(lines, range(ROWS + 1), strict=False))
    (person.folder / "candles.csv").write_text(text)
    return person


@pytest.fixture
def database(trader: Person) -> Iterator[Database]:
    """The database of that person."""
    found = Database(trader.settings["DB_URL"])
    yield found
    found.connection.close()


def told(trader: Person, *words: object) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(trader.ok(*words, "--json"))
    return answer


def without_times(answer: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in answer.items() if key not in {"load_s", "run_s", "bars_per_s", "peak_rss_mb"}}


def test_a_study_says_what_the_kernel_s_sweep_says(trader: Person) -> None:
    swept = told(trader, *LINE, *GRID, "--all")
    studied = told(trader, *LINE, *GRID, "--objective", "net_pnl", "--all")
    assert (studied["combos"], studied["left_out"], studied["trades"]) == (7, 2, swept["trades"])
    assert (studied["bars"], studied["study"]) == (swept["bars"], None)
    for one, other in zip(swept["rows"], studied["rows"], strict=True):
        assert one["params"] == other["params"]
        for figure in ("trades", "net_pnl", "fees", "win_rate", "max_drawdown", "unrealised"):
            assert one[figure] == pytest.approx(other[figure], rel=1e-6, abs=1e-9)
    assert studied["best"][0]["params"] == swept["best"][0]["params"]
    assert 0 <= studied["deflated_sharpe"]["probability"] <= 1
    assert studied["deflated_sharpe"]["trials"] == 7


def test_bounds_and_several_objectives(trader: Person) -> None:
    wish = ("--objective", "net_pnl", "--objective", "max_drawdown", "--where", "trades<=60")
    answer = told(trader, *LINE, *GRID, *wish, "--best", "9")
    assert answer["within_bounds"] == len(answer["best"]) < 7
    assert all(each["trades"] <= 60 for each in answer["best"])
    assert 1 <= answer["front"] <= answer["within_bounds"]
    shown = trader.run(*LINE, *GRID, "--where", "trades>=100000")
    assert "no set keeps the bounds trades>=100000" in shown.out


def test_searches_draw_what_they_are_told_and_repeat(trader: Person) -> None:
    wish = ("--grid", "fast=2..20", "--grid", "slow=25..90", "--trials", "12", "--seed", "4", "--jobs", "1", "--all")
    for search in ("random", "tpe"):
        one, other = (told(trader, *LINE, *wish, "--search", search) for _ in range(2))
        assert one["combos"] == 12
        assert one["rows"] == other["rows"]
    trader.ok(
        *LINE, *wish, "--search", "nsga2", "--objective", "net_pnl", "--objective", "trades:min", "--out", "r.csv"
    )
    with (trader.folder / "r.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 12


def test_a_sweep_that_is_killed_goes_on_where_it_ended(trader: Person, database: Database) -> None:
    kept = (*LINE, *MANY, "--study", "night", "--jobs", "2")
    with database.holding(20), trader.running(*kept, command=CLI) as program:
        database.wait_for_held(1)
        program.process.send_signal(signal.SIGKILL)
        program.wait()
    database.wait_for_nobody()
    finished = dict(database.ask("SELECT number, ended_at FROM trials WHERE state = 'done'"))
    assert 3 <= len(finished) <= 20
    again = told(trader, *kept)
    assert database.states() == {"done": 60}
    now = dict(database.ask("SELECT number, ended_at FROM trials"))
    assert all(now[number] == ended_at for number, ended_at in finished.items())
    whole = told(trader, *LINE, *MANY, "--objective", "net_pnl")
    assert without_times(again) | {"study": None} == without_times(whole)


WAITING = """
import time
from pathlib import Path

from bot.strategies.sma_cross import SmaCross


class Waiting(SmaCross):
    name = "waiting"

    def signals(self, frame):
        if self.config.fast == 40:
            Path("waits").touch()
            time.sleep(120)
        return super().signals(frame)
"""


def test_a_search_that_nobody_keeps_tells_what_was_finished_when_it_is_ended(trader: Person) -> None:
    folder = trader.folder / "mine"
    folder.mkdir(mode=0o700)
    (folder / "waiting.py").write_text(WAITING)
    line = ("sweep", "waiting", *LINE[2:], *GRID, "--search", "grid", "--objective", "net_pnl", "--jobs", "1")
    with trader.running(*line, "--out", "rows.csv", command=CLI, STRATEGIES_DIR=str(folder)) as program:
        until((trader.folder / "waits").exists)
        assert program.end(signal.SIGINT) == 130
    assert "the best by net_pnl" in program.out
    assert "ended early; this is what was finished" in program.err
    assert "Traceback" not in program.err
    with (trader.folder / "rows.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["fast"], row["slow"]) for row in rows] == [
        ("5", "20"), ("5", "40"), ("5", "60"), ("10", "20"), ("10", "40"), ("10", "60")
    ]  # fmt: skip


def test_workers_elsewhere_share_a_study_and_count_each_trial_once(
    trader: Person, tmp_path_factory: pytest.TempPathFactory, database: Database
) -> None:
    other = Person(tmp_path_factory.mktemp("elsewhere"), **trader.settings)
    (other.folder / "copy.csv").write_text((trader.folder / "candles.csv").read_text())
    other.ok("data", "import", "copy.csv", "--symbol", "BTCUSDT", "--interval", "1m")
    kept = (*LINE, *MANY, "--study", "shared", "--jobs", "1", "--json")
    helping = ("sweep", "worker", "--study", "shared", "--jobs", "1", "--json")
    with contextlib.ExitStack() as both:
        with database.holding(5):
            first = both.enter_context(trader.running(*kept, command=CLI))
            database.wait_for_held(1)
            second = both.enter_context(other.running(*helping, command=CLI))
            database.wait_for_held(2)
        assert (first.wait(), second.wait()) == (0, 0), (first.err, second.err)
    assert database.states() == {"done": 60}
    played = sorted(count for _, count in database.ask("SELECT holder, count(*) FROM trials GROUP BY holder"))
    assert len(played) == 2
    assert json.loads(second.out)["counted"] in played
    assert database.ask("SELECT DISTINCT attempts FROM trials") == [(1,)]
    assert json.loads(first.out)["done"] == 60


def test_a_worker_with_other_candles_or_another_strategy_is_refused(
    trader: Person, tmp_path_factory: pytest.TempPathFactory
) -> None:
    told(trader, *LINE, *GRID, "--study", "one")
    other = Person(tmp_path_factory.mktemp("elsewhere"), **trader.settings)
    nothing = other.run("sweep", "worker", "--study", "one")
    assert nothing.code == 3
    assert "no candles of spot BTCUSDT 1m are kept" in nothing.complaint
    lines = (trader.folder / "candles.csv").read_text().splitlines()
    (other.folder / "fewer.csv").write_text("\n".join(lines[:-5]))
    fewer = other.run("sweep", "worker", "--study", "one", "--candles", "fewer.csv")
    assert (fewer.code, fewer.out) == (3, "")
    assert "fetch the same ones" in fewer.complaint
    fields = lines[-1].split(",")
    fields[5] = str(float(fields[5]) + 1)
    (other.folder / "changed.csv").write_text("\n".join([*lines[:-1], ",".join(fields)]))
    changed = other.run("sweep", "worker", "--study", "one", "--candles", "changed.csv")
    assert changed.code == 3
    assert "other prices or volumes" in changed.complaint
    assert "there is no study 'two'" in other.run("sweep", "worker", "--study", "two").complaint
    assert "name the study" in other.run("sweep", "worker").complaint


def test_a_study_shows_a_heat_map_and_how_far_to_believe_it(trader: Person) -> None:
    answer = trader.run(*LINE, *GRID, "--study", "mapped", "--objective", "sharpe")
    assert answer.code == 0
    assert "the luck of 7 trials" in answer.out + answer.err
    shown = trader.ok("study", "show", "mapped", "--html", "map.html", "--figure", "net_pnl")
    assert "the best by sharpe" in shown
    page = (trader.folder / "map.html").read_text()
    assert page.count("<rect") == 7
    assert "net_pnl: slow by fast" in trader.ok("study", "show", "mapped", "--figure", "net_pnl")
    assert "does not vary" in trader.run("study", "show", "mapped", "--x", "size").complaint
    every = told(trader, "study", "show", "mapped", "--all")
    assert len(every["trials"]) == 7
    assert isinstance(every["trials"][0]["figures"]["net_pnl"], str)


@pytest.mark.parametrize(
    ("wish", "complaint"),
    [
        (("--search", "guess"), "there is no search 'guess'"),
        (("--search", "random", "--trials", "0"), "0 trials try nothing"),
        (("--grid", "fee_pct=0.1..0.2", "--objective", "sharpe"), "a grid needs steps"),
        (("--where", "wins>3"), "no figure of a trial"),
        (("--where", "trades>many"), "which is no number"),
        (("--study", "x", "--grid", "symbol=A,B"), "says which candles are played"),
    ],
)
def test_what_cannot_be_studied_is_one_line(trader: Person, wish: tuple[str, ...], complaint: str) -> None:
    answer = trader.run(*LINE, *GRID, *wish)
    assert (answer.code, answer.out) == (3, "")
    assert complaint in answer.complaint
    assert {each.name for each in trader.folder.iterdir()} <= {".env", "candles.csv"}


@pytest.mark.parametrize("limit", ["nan", "-inf", "1e999"])
def test_a_bound_without_an_amount_is_refused_where_it_is_read(trader: Person, limit: str) -> None:
    answer = trader.run(*LINE, *GRID, "--where", f"trades>={limit}")
    assert (answer.code, answer.out, answer.err.count("\n")) == (2, "", 1)
    assert "compares with what is no amount; write it like trades>=30" in answer.complaint
