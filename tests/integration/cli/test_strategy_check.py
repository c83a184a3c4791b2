"""`bot strategy check` as a person has it, and the quick form of it that stands before each backtest."""

import json
from pathlib import Path

import pytest
from tests.integration.cli.person import Person

SEER = '''"""A strategy that knows the next candle."""

import numpy as np

from bot.strategies.base import Strategy
from bot.strategies.columns import Signals


class Seer(Strategy):
    """Buys before it rises."""

    name = "seer"

    def signals(self, frame):
        rises = np.append(frame.close[1:] > frame.close[:-1], False)
        return Signals(entries=rises, exits=~rises)
'''
COUNTER = '''"""A strategy that counts from its start."""

from bot.strategies.base import Strategy


class Counter(Strategy):
    """Buys and sells by turns."""

    name = "counter"

    def on_start(self):
        self.count = 0

    def on_tick(self, candle):
        self.count += 1
        if self.count % 10 == 0:
            self.buy("tenth") if self.position.is_flat else self.close("twentieth")
'''


@pytest.fixture
def author(person: Person) -> Person:
    """Give a person who wrote two strategies."""
    folder = person.folder / "strategies"
    folder.mkdir()
    (folder / "seer.py").write_text(SEER)
    (folder / "counter.py").write_text(COUNTER)
    return person


def candles_of(folder: Path, rows: int = 400) -> str:
    """Write candles that swing, and give the options that name them."""
    lines = ["open_time,open,high,low,close,volume"]
    for n in range(rows):
        close = 60_000 + 50 * (n % 17) - 40 * (n % 13)
        lines.append(f"{1_735_689_600_000 + n * 60_000},60000,60900,59400,{close},5")
    (folder / "candles.csv").write_text("\n".join(lines) + "\n")
    return "candles.csv"


def test_an_honest_strategy_passes_on_made_up_candles(person: Person) -> None:
    told = json.loads(person.ok("strategy", "check", "sma_cross", "--param", "fast=5", "--json"))
    assert (told["ok"], told["findings"], told["decides_by"]) == (True, [], "columns")
    assert "made up" in told["candles"]
    assert "later ones cut off" in told["compared"][0]


def test_words_for_a_person_say_what_was_compared(person: Person) -> None:
    said = person.ok("strategy", "check", "breakout", "--candles", candles_of(person.folder), "--symbol", "BTCUSDT")
    assert "breakout decides by on_tick; 400 candles, candles.csv" in said
    assert "cannot look at later ones" in said
    assert "nothing found" in said


def test_looking_ahead_is_one_line_and_an_exit_code_here_and_before_a_backtest(author: Person) -> None:
    source = ("--candles", candles_of(author.folder), "--symbol", "BTCUSDT")
    checked = author.run("strategy", "check", "seer", *source, "--json")
    assert checked.code == 3
    told = json.loads(checked.out)
    assert (told["ok"], told["findings"][0]["kind"]) == (False, "looks ahead")
    assert "seer: signals looks ahead: entries at 2025-01-01" in checked.complaint
    refused = author.run("backtest", "seer", *source, "--json")
    assert (refused.code, refused.out) == (3, "")
    assert "signals looks ahead" in refused.complaint
    played = json.loads(author.ok("backtest", "seer", *source, "--no-check", "--json"))
    assert (played["bars"], played["checked"]) == (400, False)


def test_a_warm_up_too_short_is_said_and_does_not_hinder_a_backtest(author: Person) -> None:
    source = ("--candles", candles_of(author.folder), "--symbol", "BTCUSDT")
    checked = author.run("strategy", "check", "counter", *source)
    assert checked.code == 3
    assert "remembers more than its warm-up" in checked.complaint
    played = author.run("backtest", "counter", *source, "--json")
    assert played.code == 0
    assert "warning: counter: begun" in played.complaint
    assert json.loads(played.out)["checked"] is True


@pytest.mark.parametrize(
    ("wish", "code", "complaint"),
    [
        (("sma_crosss",), 3, "did you mean 'sma_cross'"),
        (("sma_cross", "--candles", "none.csv", "--symbol", "BTCUSDT"), 3, "none.csv"),
        (("sma_cross", "--candles", "none.csv"), 2, "--symbol is missing"),
        (("sma_cross", "--since", "2024"), 2, "made-up candles have no dates"),
        (("sma_cross", "--symbol", "BTCUSDT", "--param", "fast=90"), 3, "never cross"),
    ],
)
def test_mistakes_are_one_line(person: Person, wish: tuple[str, ...], code: int, complaint: str) -> None:
    answer = person.run("strategy", "check", *wish)
    assert (answer.code, complaint in answer.complaint) == (code, True), answer
