"""The bot, the dashboard and the emulator as programs that run: starting, looking, stopping."""

import json
import os
import signal
import urllib.request

import pytest
from tests.integration.cli.person import Person, until


def status(person: Person) -> dict[str, object]:
    """What `bot status --json` says."""
    return dict(json.loads(person.ok("status", "--json")))


def a_strategy(person: Person) -> None:
    """Let there be one enabled strategy."""
    person.ok("account", "add", "--name", "anna", "--environment", "emulator", "--paper")
    person.ok("strategy", "add", "breakout", "--account", "anna", "--symbol", "BTCUSDT", "--title", "ups", "--enable")


def test_a_bot_starts_trades_tells_how_it_does_and_stops_in_good_order(person: Person, exchange: str) -> None:
    person.settings["EMULATOR_URL"] = exchange
    a_strategy(person)
    with person.running("start") as bot:
        address = bot.wait_for("first run, choose a password: ").split(": ")[-1]
        with urllib.request.urlopen(address.partition("/setup")[0] + "/health", timeout=30) as answer:
            assert answer.status == 200

        def candles() -> int:
            note = json.loads(person.ok("status", "--json"))["bot"]
            return sum(each["candles"] for each in note["accounts"]) if note else 0

        assert until(candles) > 0
        shown = person.ok("status")
        assert f"process {bot.pid}" in shown
        assert "anna/paper" in shown
        assert "ups" in shown

        second = person.run("start")
        assert (second.code, f"process {bot.pid}" in second.complaint) == (3, True)
        assert "stop it: bot stop" in second.complaint

        assert person.ok("stop") == "stopped\n"
        assert bot.wait() == 143
        assert "Traceback" not in bot.said
    assert status(person)["running"] is False
    assert not (person.folder / "var" / "run" / "bot.json").exists()
    assert "no bot is running here" in person.ok("stop")
    assert "ups" in person.ok("report")


@pytest.mark.parametrize(("name", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_the_seeds_start_ends_by_signal_in_good_order(
    person: Person, exchange: str, name: signal.Signals, code: int
) -> None:
    person.settings["EMULATOR_URL"] = exchange
    with person.running("start", "--no-aggregator") as bot:
        bot.wait_for("first run, choose a password: ")
        until((person.folder / "var" / "run" / "bot.json").exists)
        assert bot.end(name) == code
        assert "Traceback" not in bot.said
    assert not (person.folder / "var" / "run" / "bot.json").exists()


def test_without_a_network_a_bot_goes_on_trying_and_says_so(person: Person) -> None:
    # A name that resolves nowhere stands for Binance without a network: nothing outside is asked.
    person.settings["EMULATOR_URL"] = "http://nowhere.invalid:9"
    a_strategy(person)
    with person.running("start", "--no-dashboard") as bot:

        def trouble() -> str:
            note = json.loads(person.ok("status", "--json"))["bot"]
            return "".join(each["trouble"] for each in note["accounts"]) if note else ""

        assert "cannot reach http://nowhere.invalid:9" in until(trouble)
        assert "tries again and again: cannot reach" in person.ok("status")
        findings = {each["name"]: each for each in json.loads(person.run("doctor", "--json").out)}
        assert findings["clock of emulator"]["state"] == "skipped"
        assert "network" in findings["clock of emulator"]["mend"]
        assert bot.end() == 143


def test_a_bot_that_was_killed_leaves_no_place_taken(person: Person, exchange: str) -> None:
    person.settings["EMULATOR_URL"] = exchange
    with person.running("start", "--no-dashboard") as bot:
        until(lambda: status(person)["running"])
        bot.end(signal.SIGKILL)
    assert status(person)["running"] is False
    with person.running("start", "--no-dashboard") as bot:
        until(lambda: (status(person)["bot"] or {"pid": 0})["pid"] == bot.pid)  # from then on it hears signals
        assert bot.end() == 143


def test_the_dashboard_alone_answers_and_ends(person: Person) -> None:
    with person.running("dashboard") as dashboard:
        address = dashboard.wait_for("first run, choose a password: ").split(": ")[-1].strip()
        with urllib.request.urlopen(address, timeout=30) as answer:
            assert answer.status == 200
        assert dashboard.end() == 143
        assert "Traceback" not in dashboard.said


def test_an_emulator_says_when_it_is_ready_answers_and_ends(person: Person) -> None:
    with person.running("emulator", "--spot-port", 0, "--synthetic", 1, "--symbols", "btcusdt, ethusdt") as emulator:
        ready = json.loads(emulator.wait_for('"ready"'))
        assert (ready["symbols"], ready["interval"]) == (["BTCUSDT", "ETHUSDT"], "1m")
        with urllib.request.urlopen(f"{ready['spot']}/api/v3/ping", timeout=30) as answer:
            assert answer.read() == b"{}"
        assert emulator.end() == 0
        assert "Traceback" not in emulator.said


def test_an_emulator_ends_when_its_parent_is_gone(person: Person) -> None:
    with person.running("emulator", "--spot-port", 0, "--parent", os.getppid()) as emulator:
        assert emulator.wait() == 0
