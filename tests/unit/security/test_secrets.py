import copy
import itertools
import json
import pickle
import traceback

import msgspec
import pytest
from cryptography.fernet import Fernet
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import Misconfigured
from bot.security.redact import MASK
from bot.security.secrets import Secret, SecretBox, key_id

CANARY = "canary-55aa-exchange-secret"
OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))
OWNER = {"account": "main", "field": "api_secret", "environment": "production"}


@pytest.fixture
def box() -> SecretBox:
    return SecretBox(NEW)


def test_what_is_encrypted_comes_back(box: SecretBox) -> None:
    assert box.dec(box.enc("ünïcode ✓")) == "ünïcode ✓"


@given(text=st.text())
def test_any_text_survives_sealing(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        return
    box = SecretBox(NEW)
    assert box.open(box.seal(text, **OWNER), **OWNER).reveal() == text


def test_a_sealed_secret_shows_neither_secret_nor_owner(box: SecretBox) -> None:
    token = box.seal(Secret(CANARY), **OWNER)
    assert token.split(".")[1] == key_id(NEW)
    for hidden in (CANARY, "main", "api_secret", "production", NEW):
        assert hidden not in token


OWNERS = [
    {"account": account, "field": field, "environment": environment}
    for account in ("main", "second")
    for field in ("api_key", "api_secret")
    for environment in ("testnet", "production")
]


@pytest.mark.parametrize(("sealed_for", "asked_by"), list(itertools.permutations(OWNERS, 2)))
def test_a_secret_opens_for_no_other_account_field_or_environment(
    box: SecretBox, sealed_for: dict[str, str], asked_by: dict[str, str]
) -> None:
    token = box.seal(CANARY, **sealed_for)
    assert box.open(token, **sealed_for) == Secret(CANARY)
    with pytest.raises(Misconfigured, match="moved or swapped") as caught:
        box.open(token, **asked_by)
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_a_wrong_key_is_told_by_the_names_of_the_keys() -> None:
    token = SecretBox(OLD).seal(CANARY, **OWNER)
    with pytest.raises(Misconfigured) as caught:
        SecretBox(NEW).open(token, **OWNER)
    told = str(caught.value)
    assert key_id(OLD) in told
    assert key_id(NEW) in told
    for hidden in (OLD, NEW, CANARY):
        assert hidden not in "".join(traceback.format_exception(caught.value))
    with pytest.raises(Misconfigured, match=key_id(NEW)):
        SecretBox(NEW).dec(SecretBox(OLD).enc(CANARY))


@pytest.mark.parametrize("token", ["", "x", "s1", "s1.", "s1..", "s2.aaaa.bbbb", "gAAAAAB", "s1.12345678.x", "s1.\n.x"])
def test_what_we_did_not_seal_is_refused(box: SecretBox, token: str) -> None:
    with pytest.raises(Misconfigured):
        box.open(token, **OWNER)


def test_an_altered_token_is_refused(box: SecretBox) -> None:
    token = box.seal(CANARY, **OWNER)
    for position in range(len(token) - 60, len(token) - 50):
        other = "A" if token[position] != "A" else "B"
        with pytest.raises(Misconfigured, match="altered"):
            box.open(token[:position] + other + token[position + 1 :], **OWNER)


def test_a_token_relabelled_with_another_key_is_refused() -> None:
    both = SecretBox([NEW, OLD])
    _, _, body = both.seal(CANARY, **OWNER).partition(f"{key_id(NEW)}.")
    with pytest.raises(Misconfigured, match="altered"):
        both.open(f"s1.{key_id(OLD)}.{body}", **OWNER)


def test_rotation_moves_a_secret_to_the_new_key_and_may_be_repeated() -> None:
    sealed, encrypted = SecretBox(OLD).seal(CANARY, **OWNER), SecretBox(OLD).enc(CANARY)
    both = SecretBox([NEW, OLD])
    rotated, re_encrypted = both.rotate(sealed), both.rotate(encrypted)
    assert both.rotate(rotated) == rotated
    assert both.rotate(re_encrypted) == re_encrypted
    only_new = SecretBox(NEW)
    assert only_new.open(rotated, **OWNER).reveal() == CANARY
    assert only_new.dec(re_encrypted) == CANARY
    with pytest.raises(Misconfigured):
        only_new.open(sealed, **OWNER)
    with pytest.raises(Misconfigured, match="moved or swapped"):
        only_new.open(rotated, **{**OWNER, "account": "second"})


@pytest.mark.parametrize("keys", [CANARY, [], [NEW, CANARY], "", "ключ"])
def test_what_is_no_key_is_refused_without_showing_it(keys: str | list[str]) -> None:
    with pytest.raises(Misconfigured) as caught:
        SecretBox(keys)
    assert CANARY not in "".join(traceback.format_exception(caught.value))


def test_the_box_shows_the_names_of_its_keys_alone() -> None:
    assert repr(SecretBox([Secret(NEW), OLD])) == f"SecretBox({key_id(NEW)}, {key_id(OLD)})"


def test_a_secret_shows_as_stars_wherever_it_is_printed() -> None:
    secret = Secret(CANARY)
    shown = f"{secret} {secret!r} {secret!s} {secret:>40} {[secret]} {{'a': {secret}}} %s %r" % (secret, secret)
    assert CANARY not in shown
    assert MASK in shown
    assert not hasattr(secret, "__dict__")


def test_a_secret_cannot_be_written_down_by_accident() -> None:
    secret = Secret(CANARY)
    for write in (pickle.dumps, json.dumps, msgspec.json.encode, lambda it: it.__getstate__()):
        with pytest.raises(TypeError) as caught:
            write(secret)
        assert CANARY not in str(caught.value)
    assert json.dumps(secret, default=str) == f'"{MASK}"'


def test_a_copied_secret_is_the_secret() -> None:
    secret = Secret(CANARY)
    assert copy.copy(secret) is secret
    assert copy.deepcopy([secret])[0] is secret
    assert len({secret, Secret(CANARY), Secret("other")}) == 2
    assert secret != CANARY
