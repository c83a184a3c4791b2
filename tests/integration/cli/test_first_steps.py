"""The first steps of a new installation, with the private database that comes with it."""

import json
import stat
from pathlib import Path

import psycopg
from tests.integration.cli.person import Person

from bot.db import embedded
from bot.db.base import plain_dsn


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

        assert stat.S_IMODE((tmp_path / "var").stat().st_mode) & 0o066 == 0
        answer = person.run("doctor", "--json")
        findings = {each["name"]: each for each in json.loads(answer.out)}
        assert answer.code == 0
        assert findings.keys() >= {"database", "postgresql", "durability", "migrations", "file modes", "encryption key"}
        unwell = {name: each["state"] for name, each in findings.items() if each["state"] != "ok"}
        unwell.pop("python", None)  # whatever we run on
        assert unwell == {"limits": "warn", "login": "warn", "clock of emulator": "skipped"}
        assert "cannot reach http://127.0.0.1:1" in findings["clock of emulator"]["seen"]
        assert "disk of var, logs, database" in findings
        shown = person.run("doctor").out
        assert all(name in shown for name in findings)
        assert "no strategies yet" in person.ok("status")
    finally:
        embedded.erase(tmp_path / "var" / "postgres")


LIMITS = {
    "RISK_MAX_ORDER_VALUE": "10",
    "RISK_MAX_OPEN_ORDERS": "2",
    "RISK_MAX_DRAWDOWN": "0.1",
    "RISK_MAX_DAILY_LOSS": "5",
}


def examined(person: Person, **settings: str) -> dict[str, dict[str, str]]:
    """Give what the doctor finds, by name."""
    return {each["name"]: each for each in json.loads(person.run("doctor", "--json", **settings).out)}


def test_doctor_is_content_when_all_is_well(person: Person, exchange: str) -> None:
    person.ok("init")
    person.ok("token", "add", "scraper")
    found = examined(person, EMULATOR_URL=exchange, **LIMITS)
    states = {name: found[name]["state"] for name in ("clock of emulator", "encryption key", "limits", "migrations")}
    assert set(states.values()) == {"ok"}, states
    assert "RISK_MAX_DAILY_LOSS=5" in found["limits"]["seen"]
    # The tests' own server skips waiting for the disk.
    assert (found["durability"]["state"], "fsync=off" in found["durability"]["seen"]) == ("fail", True)
    assert found["disk of database"]["state"] == "skipped"


def test_doctor_asks_the_exchange_what_a_key_may_do(person: Person, exchange: str) -> None:
    person.ok("init")
    for name, secret in (("good", "emulator-secret"), ("bad", "mistyped")):
        typed = f"emulator-key\n{secret}\n"
        person.ok("account", "add", "--name", name, "--environment", "emulator", "--secrets-file", "-", typed=typed)
    found = examined(person, EMULATOR_URL=exchange)
    assert (found["key of good"]["state"], "any address" in found["key of good"]["seen"]) == ("warn", True)
    assert found["key of bad"]["state"] == "fail"
    assert "bot account add" in found["key of bad"]["mend"]


def test_doctor_makes_nothing_and_says_what_is_missing(tmp_path: Path) -> None:
    person = Person(tmp_path, API_PORT="0", MARKET_DATA_ENVIRONMENT="emulator", EMULATOR_URL="http://127.0.0.1:1")
    found = examined(person)
    assert {name: found[name]["mend"] for name in ("folder", "database")} == {
        "folder": "bot init",
        "database": "bot init",
    }
    assert found["login"]["state"] == "skipped"
    assert list(tmp_path.iterdir()) == []


def test_doctor_does_not_migrate_and_names_a_newer_database(person: Person, database_url: str) -> None:
    person.ok("init")
    for revision, state in (("2025_01", "warn"), ("2031_07", "fail")):
        with psycopg.connect(plain_dsn(database_url), autocommit=True) as connection:
            connection.execute("UPDATE alembic_version SET version_num = %s", (revision,))
        found = examined(person)
        assert (found["migrations"]["state"], revision in found["migrations"]["seen"]) == (state, True)
        assert found["encryption key"]["state"] == "skipped"
        with psycopg.connect(plain_dsn(database_url)) as connection:
            assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (revision,)


def test_doctor_names_a_strategy_file_that_is_broken_and_a_key_others_may_read(person: Person) -> None:
    person.ok("init")
    (person.folder / "strategies" / "broken.py").write_text("import nothing_of_this_name\n")
    (person.folder / "var" / "keys" / "encryption.key").chmod(0o644)
    found = examined(person)
    assert found["strategies"]["state"] == "warn"
    assert "broken" in found["strategies"]["seen"]
    assert (found["encryption key"]["state"], "chmod 600" in found["encryption key"]["seen"]) == ("fail", True)
    assert (found["file modes"]["state"], "encryption.key" in found["file modes"]["seen"]) == ("fail", True)
    assert person.run("doctor").code == 3
