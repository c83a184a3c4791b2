"""Accounts and their secrets, as a person adds and removes them."""

import json
from pathlib import Path

import psycopg
import pytest
from tests.integration.cli.person import Person

from bot.db.base import plain_dsn

KEY, SECRET = "canaryKEYcanaryKEY0123", "canarySECRETcanary4567"


def everything_stored(person: Person) -> str:
    """Every row of every table, as text."""
    with psycopg.connect(plain_dsn(person.settings["DB_URL"])) as connection:
        tables = connection.execute(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables "
            "WHERE schemaname IN ('public', 'rehearsal', 'live')"
        ).fetchall()
        rows = [connection.execute(f"SELECT t::text FROM {name} t").fetchall() for (name,) in tables]  # type: ignore[call-overload]
    return str(rows)


def sealed(person: Person) -> tuple[str, str]:
    """Give the sealed key and secret of the only account."""
    with psycopg.connect(plain_dsn(person.settings["DB_URL"])) as connection:
        row = connection.execute("SELECT api_key_enc, api_secret_enc FROM accounts").fetchone()
    assert row is not None
    return row


def everything_written(folder: Path) -> str:
    """Every file below a folder, as text."""
    return "".join(path.read_text("utf-8", "replace") for path in folder.rglob("*") if path.is_file())


def assert_nothing_is_told(person: Person, said: str) -> None:
    stored = everything_stored(person)
    assert "canary-account" in stored
    for secret in (KEY, SECRET):
        assert secret not in said + stored + everything_written(person.folder)


def test_secrets_from_standard_input_are_sealed_and_told_to_nobody(person: Person) -> None:
    words = ("account", "add", "--name", "canary-account", "--environment", "testnet", "--secrets-file", "-")
    answer = person.run(*words, typed=f"{KEY}\n{SECRET}\n")
    assert (answer.code, answer.err) == (0, "")
    assert "sealed key" in answer.out
    shown = person.ok("account", "list") + person.ok("account", "list", "--json")
    assert_nothing_is_told(person, answer.out + shown)


def test_the_seeds_own_line_adds_an_account_and_warns_of_the_secret_on_it(person: Person) -> None:
    answer = person.run(
        "add-account", "--name", "canary-account", "--api-key", KEY, "--api-secret", SECRET, "--testnet", "true"
    )  # fmt: skip
    assert answer.code == 0
    assert "warning: a secret on the command line" in answer.complaint
    found = json.loads(person.ok("account", "list", "--json"))
    assert [(row["name"], row["environment"], row["has_key"]) for row in found] == [("canary-account", "testnet", True)]
    assert_nothing_is_told(person, answer.out + answer.err)


def test_a_key_is_changed_for_another_and_neither_is_told(person: Person) -> None:
    words = ("--secrets-file", "-")
    person.run("account", "add", "--name", "canary-account", "--environment", "testnet", *words, typed="old\nother\n")
    before = sealed(person)
    answer = person.run("account", "rekey", "canary-account", *words, typed=f"{KEY}\n{SECRET}\n")
    assert (answer.code, answer.err) == (0, "")
    assert "another sealed key" in answer.out
    assert "account.rekeyed" in everything_stored(person)
    assert not set(before) & set(sealed(person))
    assert_nothing_is_told(person, answer.out)
    unknown = person.run("account", "rekey", "nobody", *words, typed=f"{KEY}\n{SECRET}\n")
    assert "there is no account named 'nobody'" in unknown.complaint


def test_an_account_is_added_from_a_file_approved_for_live_revoked_and_removed(person: Person) -> None:
    (person.folder / "secrets").write_text(f"{KEY}\n{SECRET}\n")
    person.ok("account", "add", "--name", "firm", "--environment", "production", "--secrets-file", "secrets")

    refused = person.run("account", "approve-live", "firm", typed="yes\n")
    assert (refused.code, refused.complaint) == (2, "error: the phrase was not typed; nothing was changed")
    assert "approved" in person.ok("account", "approve-live", "firm", typed="trade real money\n")
    assert json.loads(person.ok("account", "list", "--json"))[0]["live_approved"] is True
    assert "revoked" in person.ok("account", "approve-live", "firm", "--revoke")
    assert json.loads(person.ok("account", "list", "--json"))[0]["live_approved"] is False

    person.ok("account", "remove", "firm")
    assert json.loads(person.ok("account", "list", "--json")) == []


@pytest.mark.parametrize(
    ("words", "typed", "code", "cause"),
    [
        (("--name", "a"), "", 2, "say where the key is valid"),
        (("--name", ""), "", 2, "cannot be a name"),
        (("--name", "a\nb", "--paper"), "", 2, "cannot be a name"),
        (("--name", "a", "--environment", "mars"), "", 2, "unknown environment 'mars'; use one of"),
        (("--name", "a", "--testnet", "maybe"), "", 2, "neither true nor false"),
        (("--name", "a", "--testnet", "true", "--environment", "production"), "", 2, "contradict each other"),
        (("--name", "a", "--testnet", "true"), "", 2, "use --secrets-file FILE"),
        (("--name", "a", "--testnet", "true", "--secrets-file", "nothing"), "", 3, "cannot read nothing"),
        (("--name", "a", "--testnet", "true", "--secrets-file", "-"), "half\n", 3, "standard input has to hold two"),
        (("--name", "a", "--paper", "--paper-funds", "USDT=-5"), "", 2, "is not like USDT=10000"),
    ],
)
def test_a_mistake_in_adding_an_account_is_named(
    tmp_path: Path, words: tuple[str, ...], typed: str, code: int, cause: str
) -> None:
    answer = Person(tmp_path).run("account", "add", *words, typed=typed)
    assert answer.code == code
    assert cause in answer.complaint
    assert not (tmp_path / "var").exists()


def test_a_name_that_is_taken_or_unknown_is_named(person: Person) -> None:
    person.ok("account", "add", "--name", "a", "--paper")
    taken = person.run("account", "add", "--name", "a", "--paper")
    assert (taken.code, "exists already; choose another name" in taken.complaint) == (3, True)
    unknown = person.run("account", "remove", "b")
    assert (unknown.code, "see: bot account list" in unknown.complaint) == (3, True)
