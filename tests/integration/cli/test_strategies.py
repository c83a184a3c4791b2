"""Strategies, from the first look to a file of one's own."""

import json
import sys

import pytest
from tests.integration.cli.person import Person


def test_a_strategy_is_added_shown_switched_and_removed(person: Person) -> None:
    person.ok("account", "add", "--name", "a", "--paper")
    (person.folder / "dips.json").write_text('{"symbol": "ETHUSDT", "window": 30}')
    added = person.ok(
        "strategy", "add", "mean_reversion", "--account", "a", "--title", "dips",
        "--config", "dips.json", "--set", "threshold=0.01",
    )  # fmt: skip
    assert "disabled" in added

    shown = json.loads(person.ok("strategy", "show", "a/dips", "--json"))
    assert (shown["state"], shown["config"]["demo_mode"]) == ("disabled", True)
    assert (shown["config"]["symbol"], shown["config"]["window"], shown["config"]["threshold"]) == ("ETHUSDT", 30, 0.01)

    person.ok("strategy", "enable", "dips")
    assert [row["enabled"] for row in json.loads(person.ok("strategy", "list", "--json"))] == [True]
    person.ok("strategy", "disable", str(shown["id"]))
    assert "disabled" in person.ok("strategy", "list")
    person.ok("strategy", "remove", "dips")
    assert json.loads(person.ok("strategy", "list", "--json")) == []


@pytest.mark.parametrize(("kind", "tests", "setting"), [((), 3, "fast=5"), (("--columns",), 3, "channel=5")])
def test_a_new_strategy_works_as_written_and_passes_its_own_test(
    person: Person, kind: tuple[str, ...], tests: int, setting: str
) -> None:
    wrote = person.ok("strategy", "new", "my_idea", *kind)
    assert str(person.folder / "strategies" / "my_idea.py") in wrote
    tested = person.run(
        "strategies/_test_my_idea.py", "-q", "-p", "no:cacheprovider", command=(sys.executable, "-m", "pytest")
    )
    assert tested.code == 0, tested.out
    assert f"{tests} passed" in tested.out
    assert "nothing found" in person.ok("strategy", "check", "my_idea")

    person.ok("account", "add", "--name", "a", "--paper")
    person.ok("strategy", "add", "my_idea", "--account", "a", "--symbol", "BTCUSDT", "--set", setting)
    available = json.loads(person.ok("strategy", "list", "--available", "--json"))
    assert available["problems"] == []
    assert {each["name"] for each in available["strategies"]} == {"breakout", "mean_reversion", "my_idea", "sma_cross"}

    again = person.run("strategy", "new", "my_idea")
    assert (again.code, "exists already; choose another name" in again.complaint) == (3, True)


@pytest.mark.parametrize("name", ["Bad-Name", "class", "breakout"])
def test_a_name_no_strategy_can_have_is_refused(person: Person, name: str) -> None:
    answer = person.run("strategy", "new", name)
    assert (answer.code, name in answer.complaint) == (2, True)
    assert not (person.folder / "strategies").exists()


def test_mistakes_in_a_strategy_are_named_and_leave_nothing(person: Person) -> None:
    person.ok("account", "add", "--name", "a", "--paper")
    ours = ("mean_reversion", "--account", "a", "--symbol", "BTCUSDT")
    mistakes: list[tuple[tuple[str, ...], int, str]] = [
        (("mean_revesion", "--account", "a"), 3, "did you mean 'mean_reversion'?"),
        (("mean_reversion", "--account", "b", "--symbol", "BTCUSDT"), 3, "see: bot account list"),
        (("mean_reversion", "--account", "a"), 3, "symbol: is missing"),
        ((*ours, "--set", "windw=3"), 3, "did you mean 'window'?"),
        ((*ours, "--set", "window"), 2, "is not like window=30"),
        ((*ours, "--candle", "7m"), 3, "is not one of Binance's intervals"),
        ((*ours, "--set", "threshold=NaN"), 3, "threshold: should be a finite number"),
        ((*ours, "--set", "min_price=5", "--set", "max_price=3"), 3, "swap them"),
        ((*ours, "--config", "{bad"), 3, "--config is not JSON"),
        ((*ours, "--config", "nothing.json"), 3, "cannot read nothing.json"),
    ]
    for words, code, cause in mistakes:
        answer = person.run("strategy", "add", *words)
        assert (answer.code, cause in answer.complaint) == (code, True), (words, answer)
    assert json.loads(person.ok("strategy", "list", "--json")) == []
