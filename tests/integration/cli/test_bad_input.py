"""Mistakes at the command line: each ends in one line with cause and fix, and in the documented exit code."""

import json
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.integration.cli.person import ROOT, Person

from bot.commands.output import ExitCode

AWAY = "postgresql+psycopg://bot:canaryPASSWORD@127.0.0.1:1/nowhere"
A_KEY, ANOTHER_KEY = "A" * 43 + "=", "B" * 43 + "="


@pytest.fixture
def taken() -> Iterator[str]:
    """A port that somebody else has."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield str(server.getsockname()[1])


def test_every_exit_code_is_documented() -> None:
    page = (ROOT / "docs" / "reference" / "exit-codes.md").read_text("utf-8")
    assert [code for code in ExitCode if f"| {code.value} |" not in page] == []


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (("frobnicate",), "no such command 'frobnicate'; see: bot --help"),
        (("strategy", "ad"), "Did you mean 'add'?"),
        (("status", "--frob"), "no such option: --frob"),
        (("account", "add"), "missing option '--name'"),
        (("emulator", "--spot-port", "99999"), "less than or equal to 65535"),
        (("report", "--mode", "play"), "unknown mode 'play'; use one of paper, rehearsal, live"),
        (("demo", "--for", "-1"), "numbers above 0"),
        (("demo", "--live-data", "--rehearsal"), "goes neither with"),
    ],
)
def test_what_cannot_be_understood_is_a_usage_error(tmp_path: Path, words: tuple[str, ...], cause: str) -> None:
    answer = Person(tmp_path).run(*words)
    assert answer.code == 2
    assert cause in answer.complaint
    assert list(tmp_path.iterdir()) == []


def test_every_wrong_line_of_the_settings_file_is_named(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("LOG_LEVLE=INFO\nAPI_PORT=many\nfoo bar\n")
    person = Person(tmp_path)
    answer = person.run("start")
    assert answer.code == 3
    lines = answer.err.splitlines()
    assert [line.startswith("error: ") for line in lines] == [True] * 3
    assert "did you mean LOG_LEVEL?" in answer.err
    assert ".env line 3" in answer.err
    findings = json.loads(person.run("doctor", "--json").out)
    assert [each["state"] for each in findings if each["name"] == "settings"] == ["fail"] * 3


@pytest.mark.parametrize("words", [("start",), ("strategy", "list"), ("init",), ("dashboard",), ("report",)])
def test_a_database_that_is_away_is_named_without_its_password(tmp_path: Path, words: tuple[str, ...]) -> None:
    answer = Person(tmp_path, DB_URL=AWAY).run(*words)
    assert answer.code == 1
    assert "does not answer" in answer.complaint
    assert "is DB_URL right?" in answer.complaint
    assert "canaryPASSWORD" not in answer.err + answer.out
    assert not (tmp_path / ".env").exists()
    assert not (tmp_path / "var" / "keys").exists()


def test_status_says_what_it_can_while_the_database_is_away(tmp_path: Path) -> None:
    answer = Person(tmp_path, DB_URL=AWAY).run("status", "--json")
    assert answer.code == 1
    assert "does not answer" in answer.complaint
    assert json.loads(answer.out)["running"] is False


def test_a_key_that_opens_nothing_stored_is_refused_before_anything_runs(person: Person) -> None:
    words = ("account", "add", "--environment", "testnet", "--secrets-file", "-", "--name")
    person.ok(*words, "sealed", typed="key\nsecret\n", ENCRYPTION_KEY=A_KEY)
    for command in (("start",), (*words, "other")):
        answer = person.run(*command, typed="key\nsecret\n", ENCRYPTION_KEY=ANOTHER_KEY)
        assert answer.code == 3
        assert "put back the ENCRYPTION_KEY it was made with" in answer.complaint
        assert A_KEY not in answer.err
        assert ANOTHER_KEY not in answer.err
    assert [row["name"] for row in json.loads(person.ok("account", "list", "--json"))] == ["sealed"]


def test_a_lost_key_file_is_never_replaced_while_something_is_sealed_with_it(person: Person) -> None:
    words = ("account", "add", "--environment", "emulator", "--secrets-file", "-", "--name", "sealed")
    person.ok(*words, typed="key\nsecret\n")
    key = person.folder / "var" / "keys" / "encryption.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    key.unlink()
    for command in ("start", "init"):
        answer = person.run(command)
        assert answer.code == 3
        assert "is gone, and account sealed is sealed with it: put the file back" in answer.complaint
    findings = {each["name"]: each for each in json.loads(person.run("doctor", "--json").out)}
    assert findings["encryption key"]["state"] == "fail"
    assert not key.exists()


def test_a_wrong_encryption_key_is_refused_without_being_shown(person: Person) -> None:
    answer = person.run("start", ENCRYPTION_KEY="canaryKEY")
    assert (answer.code, "is not a Fernet key" in answer.complaint) == (3, True)
    assert "canaryKEY" not in answer.err


@pytest.mark.parametrize("words", [("start",), ("dashboard",)])
def test_a_port_that_is_taken_stops_the_start_in_good_order(person: Person, taken: str, words: tuple[str]) -> None:
    answer = person.run(*words, API_PORT=taken)
    assert answer.code == 3
    assert f"cannot listen on 127.0.0.1:{taken}: Address already in use" in answer.err
    assert "choose another port" in answer.err
    assert "Traceback" not in answer.err
    assert not (person.folder / "var" / "run" / "bot.json").exists()


def test_an_emulator_says_that_its_port_is_taken(tmp_path: Path, taken: str) -> None:
    answer = Person(tmp_path).run("emulator", "--spot-port", taken)
    assert (answer.code, "the port is taken" in answer.err, answer.out) == (3, True, "")


@pytest.mark.parametrize(
    ("name", "content", "cause"),
    [
        ("missing_1m.csv", None, "there is no such file"),
        ("BTCUSDT_1m_empty.csv", b"", "BTCUSDT_1m_empty.csv"),
        ("BTCUSDT_1m_words.csv", b"a,b\n", "nothing that can be played begins with"),
        ("BTCUSDT_1m_zip.csv.gz", b"no gzip", "cannot be read"),
    ],
)
def test_a_candle_file_that_cannot_be_played_is_named(
    tmp_path: Path, name: str, content: bytes | None, cause: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    person = Person(tmp_path)
    for words in (("emulator", "--spot-port", "0"), ("demo", "--for", "1", "--port", "0")):
        answer = person.run(*words, "--replay", name)
        assert answer.code == 3
        assert cause in answer.complaint
        assert name in answer.complaint


@pytest.mark.parametrize("command", ["start", "init", "doctor"])
def test_a_folder_that_cannot_be_had_is_named(person: Person, command: str) -> None:
    (person.folder / "file").write_text("")
    answer = person.run(command, VAR_DIR="file/below")
    assert answer.code == 3
    assert "file/below" in answer.out + answer.err
    assert "VAR_DIR" in answer.out + answer.err
    assert "Traceback" not in answer.err
    assert not (person.folder / ".env").exists()
