import base64
import json
import time
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.security.redact import MASK, Redactor, is_sensitive

CANARY = 'can"ary/7d+\\secret value'


@pytest.fixture
def redactor() -> Redactor:
    redactor = Redactor()
    redactor.register(CANARY)
    return redactor


@pytest.mark.parametrize(
    "name",
    [
        "api_key",
        "apiKey",
        "API_KEY",
        "X-MBX-APIKEY",
        "key",
        "keys",
        "secret",
        "api_secret",
        "clientSecret",
        "password",
        "db_password",
        "new-password",
        "passphrase",
        "token",
        "listenToken",
        "access_token",
        "signature",
        "Authorization",
        "cookie",
        "Set-Cookie",
        "csrf",
        "private_key",
        "listenKey",
        "ENCRYPTION_KEY",
        "credentials",
        "pwd",
    ],
)
def test_a_telling_name_hides_its_value(name: str) -> None:
    assert is_sensitive(name)
    assert Redactor().value({name: "anything"}) == {name: MASK}
    assert Redactor().value({name: {"deep": 1}}) == {name: MASK}
    assert Redactor().value({name: None}) == {name: None}


@pytest.mark.parametrize(
    "name", ["symbol", "client_order_id", "key_id", "account", "monkey", "keyboard", "event", "price"]
)
def test_an_ordinary_name_hides_nothing(name: str) -> None:
    assert not is_sensitive(name)
    assert Redactor().value({name: "text"}) == {name: "text"}


@pytest.mark.parametrize(
    "disguised",
    [
        CANARY,
        f"before{CANARY}after",
        quote(CANARY),
        urlencode({"x": CANARY}),
        quote(CANARY, safe=""),
        repr(CANARY),
        json.dumps({"x": CANARY}),
        json.dumps(json.dumps(CANARY))[3:-3],
        CANARY.encode().hex(),
        CANARY.encode().hex().upper(),
        base64.b64encode(CANARY.encode()).decode(),
        base64.urlsafe_b64encode(CANARY.encode()).decode(),
        base64.b64encode(f"u:{CANARY}".encode()).decode(),
        base64.b64encode(f"us:{CANARY} and more".encode()).decode(),
        base64.b64encode(f"use:{CANARY}".encode()).decode(),
    ],
)
def test_a_registered_secret_is_found_in_every_disguise(redactor: Redactor, disguised: str) -> None:
    cleaned = redactor.text(disguised)
    assert MASK in cleaned
    assert "7d" not in cleaned
    assert CANARY.encode().hex()[4:12] not in cleaned.lower()


@given(secret=st.text(min_size=6, max_size=60), before=st.text(max_size=20), after=st.text(max_size=20))
def test_no_registered_secret_survives_wherever_it_stands(secret: str, before: str, after: str) -> None:
    if any("\ud800" <= letter <= "\udfff" for letter in secret) or secret in MASK * 20:
        return
    redactor = Redactor()
    redactor.register(secret)
    assert secret not in redactor.text(f"{before}|{secret}|{after}").replace(MASK, "|")


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        (
            "GET /api/v3/order?symbol=BTCUSDT&signature=ab12cd&x=1",
            "GET /api/v3/order?symbol=BTCUSDT&signature=*****&x=1",
        ),
        ("X-MBX-APIKEY: abc123", "X-MBX-APIKEY: *****"),
        ("Authorization: Bearer abc.def", "Authorization: Bearer *****"),
        ("{'apiSecret': 'xyz', 'symbol': 'A'}", "{'apiSecret': '*****', 'symbol': 'A'}"),
        ('{"password":"x y"}', '{"password":"***** y"}'),
        ("postgresql://bot:hunter22@host/db", "postgresql://bot:*****@host/db"),
        ("postgresql://bot:p@ss@host/db", "postgresql://bot:*****@host/db"),
        ("http://127.0.0.1:8001/x and a@b", "http://127.0.0.1:8001/x and a@b"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\nabc\n-----END PRIVATE KEY----- x", "***** x"),
        ("-----BEGIN RSA PRIVATE KEY-----\ncut off", "*****"),
        ("price 1.5 for BTCUSDT", "price 1.5 for BTCUSDT"),
    ],
)
def test_what_looks_like_a_secret_is_hidden_unasked(text: str, cleaned: str) -> None:
    assert Redactor().text(text) == cleaned


def test_records_are_cleaned_all_the_way_down(redactor: Redactor) -> None:
    redactor.register("ordinary-value")
    record = {"a": [{"b": (CANARY, 1, 2.5, True, None)}], "ordinary-value": "name"}
    assert redactor.value(record) == {"a": [{"b": [MASK, 1, 2.5, True, None]}], MASK: "name"}


def test_a_record_that_contains_itself_comes_to_an_end(redactor: Redactor) -> None:
    record: dict[str, object] = {}
    record["self"] = record
    assert "…" in str(redactor.value(record))


def test_a_short_value_does_not_blot_out_ordinary_words() -> None:
    redactor = Redactor()
    redactor.register("a")
    redactor.register("")
    assert redactor.text("a banana") == "a banana"


def test_a_long_text_is_cleaned_in_no_time() -> None:
    redactor = Redactor()
    for text in (
        "x=" + "a" * 200_000,
        "a:" * 100_000,
        "token" * 40_000 + "=",
        "http://" * 20_000,
        "-----BEGIN " * 9_000,
    ):
        began = time.process_time()
        redactor.text(text)
        assert time.process_time() - began < 1
