"""The first steps of a new installation, with the private database that comes with it."""

import json
import stat
from pathlib import Path

from tests.integration.cli.person import Person

from bot.db import embedded


def test_init_makes_all_that_is_needed_and_may_be_repeated(tmp_path: Path) -> None:
    person = Person(tmp_path, API_PORT="0", MARKET_DATA_ENVIRONMENT="emulator", EMULATOR_URL="http://127.0.0.1:1")
    assert "not running" in person.ok("status")
    try:
        said = person.ok("init")
        assert "a private PostgreSQL below var/" in said
        assert "encryption key made" in said
        key = tmp_path / "var" / "keys" / "encryption.key"
        assert key.read_text().strip() not in said
        assert [stat.S_IMODE(path.stat().st_mode) for path in (key, tmp_path / ".env")] == [0o600, 0o600]

        before = key.read_bytes(), (tmp_path / ".env").read_bytes()
        assert "encryption key found" in person.ok("init")
        assert (key.read_bytes(), (tmp_path / ".env").read_bytes()) == before

        answer = person.run("doctor", "--json")
        findings = {each["check"]: each for each in json.loads(answer.out)}
        assert answer.code == 3
        assert [name for name, each in findings.items() if each["verdict"] != "ok"] == ["exchange"]
        assert "cannot reach http://127.0.0.1:1" in findings["exchange"]["found"]
        shown = person.run("doctor").out
        assert all(name in shown for name in findings)
        assert "no strategies yet" in person.ok("status")
    finally:
        embedded.erase(tmp_path / "var" / "postgres")


def test_doctor_is_content_when_all_is_well(person: Person, exchange: str) -> None:
    person.ok("init", EMULATOR_URL=exchange)
    findings = {each["check"]: each for each in json.loads(person.run("doctor", "--json", EMULATOR_URL=exchange).out)}
    assert findings["exchange"]["verdict"] == "ok"
    assert findings["key"]["verdict"] == "ok"


def test_doctor_names_a_strategy_file_that_is_broken_and_a_key_others_may_read(person: Person) -> None:
    person.ok("init")
    (person.folder / "strategies" / "broken.py").write_text("import nothing_of_this_name\n")
    (person.folder / "var" / "keys" / "encryption.key").chmod(0o644)
    findings = {each["check"]: each for each in json.loads(person.run("doctor", "--json").out)}
    assert findings["strategies"]["verdict"] == "warning"
    assert "broken" in findings["strategies"]["found"]
    assert (findings["key"]["verdict"], "chmod 600" in findings["key"]["found"]) == ("failed", True)
