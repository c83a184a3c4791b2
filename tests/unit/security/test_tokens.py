import pytest

from bot.security.tokens import (
    csrf_token,
    is_csrf_token,
    is_token,
    new_token,
    token_hash,
)


def test_tokens_are_long_and_never_the_same() -> None:
    tokens = {new_token() for _ in range(1_000)}
    assert len(tokens) == 1_000
    assert {len(token) for token in tokens} == {43}


def test_a_token_is_known_by_its_hash_alone() -> None:
    token = new_token()
    stored = token_hash(token)
    assert token not in stored
    assert len(stored) == 64
    assert is_token(token, stored)
    assert not is_token(new_token(), stored)
    assert not is_token("", stored)
    assert not is_token(stored, stored)


@pytest.mark.parametrize("strange", ["", "é", "\ud800", "\0", "x" * 10_000])
def test_strange_input_is_simply_wrong(strange: str) -> None:
    token = new_token()
    assert not is_token(strange, token_hash(token))
    assert not is_token(token, strange)
    assert not is_csrf_token(strange, token)


def test_a_csrf_token_belongs_to_one_session() -> None:
    mine, other = new_token(), new_token()
    assert is_csrf_token(csrf_token(mine), mine)
    assert csrf_token(mine) == csrf_token(mine)
    assert not is_csrf_token(csrf_token(other), mine)
    assert mine not in csrf_token(mine)
    assert csrf_token(mine) != token_hash(mine)
