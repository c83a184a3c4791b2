from pathlib import Path

import pytest

from bot.domain.errors import Misconfigured
from bot.strategies.registry import discover

GOOD = """
from bot.strategies.base import Strategy

class Mine(Strategy):
    name = "mine"
    def on_tick(self, candle):
        pass
"""


def test_the_built_in_strategies_are_found() -> None:
    catalogue = discover()
    assert {"mean_reversion", "breakout"} <= set(catalogue.found)
    assert catalogue.problems == ()


def test_a_strategy_of_the_users_folder_is_found_with_its_origin(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(GOOD)
    found = discover(tmp_path).found["mine"]
    assert found.origin == str(tmp_path / "mine.py")


def test_a_strategy_written_later_is_found_and_those_known_stay_what_they_are(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(GOOD)
    first = discover(tmp_path)
    (tmp_path / "later.py").write_text(GOOD.replace('name = "mine"', 'name = "later"'))
    second = first.and_newer(tmp_path)
    assert second.find("later").name == "later"
    assert second.find("mine") is first.find("mine")


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("def broken(:\n", "line 1"),
        ("import does_not_exist_anywhere", "ModuleNotFoundError"),
        ("raise RuntimeError('on import')", "on import"),
        (GOOD.replace('name = "mine"', 'name = "mean_reversion"'), "taken by built-in"),
        (GOOD.replace('name = "mine"', 'name = "not a name"'), "has no `name`"),
        (GOOD.replace('name = "mine"', 'name = "compare"'), "a word of `bot backtest`"),
        (GOOD.replace('    name = "mine"\n', ""), "has no `name`"),
    ],
)
def test_a_broken_file_is_a_problem_in_words_and_hides_nothing(tmp_path: Path, code: str, cause: str) -> None:
    (tmp_path / "a_broken.py").write_text(code)
    (tmp_path / "z_mine.py").write_text(GOOD)
    catalogue = discover(tmp_path)
    assert "mine" in catalogue.found
    assert len(catalogue.problems) == 1
    assert cause in catalogue.problems[0]


def test_a_file_that_anyone_may_write_is_not_loaded(tmp_path: Path) -> None:
    path = tmp_path / "mine.py"
    path.write_text(GOOD)
    path.chmod(0o666)
    catalogue = discover(tmp_path)
    assert "mine" not in catalogue.found
    assert "chmod o-w" in catalogue.problems[0]


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(Misconfigured, match="did you mean 'mean_reversion'"):
        discover().find("mean_reversal")
    with pytest.raises(Misconfigured, match="there are: breakout, mean_reversion"):
        discover().find("zzz")
