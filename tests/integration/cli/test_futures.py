"""Futures on paper, and the past of futures, as a person has them: over a running emulator's USD-M side."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest
from tests.integration.cli.person import CLI, Person, until

TURNING = '''
"""A strategy of one's own."""
from bot.strategies.base import Strategy


class Turning(Strategy):
    """Goes with the last candle: long after a rise, short after a fall."""

    name = "turning"

    def on_tick(self, candle):
        rises = candle.close > candle.open
        if self.position.is_flat:
            (self.buy if rises else self.short)("with the candle")
        elif self.position.is_long != rises:
            self.close("it turned")
'''


@pytest.fixture(scope="module")
def contracts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The addresses of an emulator with a USD-M side, whose market moves half an hour in a second."""
    person = Person(tmp_path_factory.mktemp("exchange"))
    with person.running(
        "emulator", "--spot-port", 0, "--um-port", 0, "--synthetic", 5, "--speed", 1800, "--parent", os.getpid(),
        command=CLI,
    ) as program:  # fmt: skip
        told = json.loads(program.wait_for('"ready"'))
        yield {"EMULATOR_URL": told["spot"], "EMULATOR_UM_URL": told["um"]}
        program.end()


def test_candles_and_funding_rates_are_fetched_and_played(person: Person, contracts: dict[str, str]) -> None:
    person.settings.update(contracts)
    fetch = ("data", "download", "BTCUSDT", "1m", "--since", "2020", "--market", "futures", "--environment", "emulator")

    line = ("backtest", "sma_cross", "--market", "futures", "--symbol", "BTCUSDT", "--order-value", "500")
    line += ("--param", "fast=5", "--param", "slow=9")

    def played() -> dict[str, Any]:
        # (a rate may be there before the candle that it was settled in)
        (row,) = json.loads(person.ok(*fetch, "--funding", "--json"))
        told: dict[str, Any] = json.loads(person.ok(*line, "--json")) if row["funding_rates"] else {}
        return told if " known rates" in told.get("funding_source", "") else {}

    assert until(played)["trades"] > 5
    refused = person.run("data", "download", "BTCUSDT", "1m", "--since", "2020", "--funding")
    assert (refused.code, "--market futures" in refused.complaint) == (2, True)


def test_a_strategy_goes_long_and_short_on_paper(person: Person, contracts: dict[str, str]) -> None:
    person.settings.update(contracts)
    (person.folder / "strategies").mkdir()
    (person.folder / "strategies" / "turning.py").write_text(TURNING)
    person.ok("account", "add", "--name", "anna", "--environment", "emulator", "--paper")
    settings = (
        "--set",
        "market=futures",
        "--set",
        "leverage=3",
        "--set",
        "fee_pct=0.0005",
        "--set",
        "order_value=500.0",
        "--enable",
    )
    person.ok("strategy", "add", "turning", "--account", "anna", "--symbol", "BTCUSDT", "--title", "turn", *settings)
    with person.running("start", "--no-aggregator") as bot:
        bot.wait_for("first run, choose a password: ")

        def closed() -> int:
            return sum(int(row["closed_trades"]) for row in json.loads(person.ok("report", "--json")))

        assert until(lambda: closed() > 4)
        person.ok("stop")
        bot.wait()
        assert "Traceback" not in bot.said
    (listed,) = json.loads(person.ok("strategy", "list", "--json"))
    assert listed["state"] == "enabled"
