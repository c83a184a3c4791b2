"""`bot data` as a person has it: candles fetched from a running emulator, looked at, and written to a file."""

import json

from tests.integration.cli.person import Person


def test_candles_are_fetched_and_nothing_but_the_answer_is_printed(person: Person, exchange: str) -> None:
    line = ("data", "download", "BTCUSDT", "1m", "--since", "2020", "--environment", "emulator")
    first = person.run(*line, "--json", EMULATOR_URL=exchange)
    assert (first.code, first.err) == (0, "")
    (done,) = json.loads(first.out)
    assert done["added"] >= 300
    assert done["gaps"] == []
    assert "spot BTCUSDT 1m: " in person.ok(*line, EMULATOR_URL=exchange)
    (listed,) = json.loads(person.ok("data", "list", "--json"))
    assert listed["rows"] >= done["added"]
    assert all(row["trouble"] == "" for row in json.loads(person.ok("data", "verify", "--json")))
    assert "candles of spot BTCUSDT 1m are in out.csv" in person.ok("data", "export", "BTCUSDT", "1m", "out.csv")
    assert len((person.folder / "out.csv").read_text().splitlines()) == listed["rows"] + 1


def test_a_symbol_that_the_exchange_does_not_have_is_one_line(person: Person, exchange: str) -> None:
    answer = person.run(
        "data", "download", "NOSUCHUSDT", "1m", "--since", "2020", "--environment", "emulator", EMULATOR_URL=exchange
    )
    assert answer.code == 3
    assert "check the symbol" in answer.complaint
    assert not (person.folder / "var/history").exists()
