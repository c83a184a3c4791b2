import time

import pytest

from bot.security.passwords import Passwords, objection

GOOD = "correct horse battery"


@pytest.fixture(scope="module")
def cheap() -> Passwords:
    return Passwords(memory_kib=64, rounds=1)


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", "too short"),
        ("tiny", "too short"),
        ("123456abc", "too short"),
        ("x" * 257, "too long"),
        ("aaaaaaaaaaaa", "too few"),
        ("abababababab", "too few"),
        ("operator-1", "user name"),
        ("my-OPERATOR-pass", "user name"),
        ("Password2026!", "guessed first"),
        ("1234567890", "guessed first"),
        ("0987654321", "guessed first"),
        ("qwertyuiop1", "guessed first"),
        ("binance-rich", "guessed first"),
    ],
)
def test_a_poor_password_is_refused_with_the_reason(password: str, reason: str) -> None:
    said = objection(password, "operator")
    assert said is not None
    assert reason in said
    assert not password or password not in said


@pytest.mark.parametrize("password", [GOOD, "Tr0ub4dor&3x", "пароль-длинный-7", "x7$kQ!m2Zp", "y" * 200 + "abcd"])
def test_a_good_password_is_taken(password: str) -> None:
    assert objection(password, "operator") is None


def test_a_password_is_stored_as_an_argon2id_hash_and_checked(cheap: Passwords) -> None:
    stored = cheap.hash(GOOD)
    assert stored.startswith("$argon2id$")
    assert GOOD not in stored
    assert stored != cheap.hash(GOOD)
    assert cheap.verify(GOOD, stored).is_right
    assert not cheap.verify(GOOD + "x", stored).is_right
    assert not cheap.verify("", stored).is_right


def test_what_two_keyboards_write_differently_is_one_password(cheap: Passwords) -> None:
    assert cheap.verify("café du monde", cheap.hash("cafe\u0301 du monde")).is_right


@pytest.mark.parametrize("stored", [None, "", "not a hash", "$argon2id$broken", "$2b$12$abcdefghijklmnopqrstuv"])
def test_an_unknown_user_or_a_broken_hash_is_simply_wrong(cheap: Passwords, stored: str | None) -> None:
    assert not cheap.verify(GOOD, stored).is_right


def test_what_is_no_text_is_simply_wrong(cheap: Passwords) -> None:
    assert not cheap.verify("\ud800", cheap.hash(GOOD)).is_right
    assert not cheap.verify("x" * 1_000_000, cheap.hash(GOOD)).is_right


def test_an_outdated_hash_comes_back_renewed(cheap: Passwords) -> None:
    dearer = Passwords(memory_kib=128, rounds=2)
    verdict = dearer.verify(GOOD, cheap.hash(GOOD))
    assert verdict.is_right
    assert verdict.new_hash is not None
    assert dearer.verify(GOOD, verdict.new_hash).new_hash is None
    assert dearer.verify("wrong password", cheap.hash(GOOD)).new_hash is None


def test_the_cost_is_what_is_recommended_by_default() -> None:
    assert "$m=65536,t=3,p=1$" in Passwords().hash(GOOD)


def test_an_unknown_user_takes_as_long_as_a_known_one() -> None:
    passwords = Passwords(memory_kib=8_192, rounds=2)
    stored = passwords.hash(GOOD)

    def fastest(known: str | None) -> float:
        times = []
        for _ in range(7):
            began = time.process_time()
            passwords.verify("a wrong password", known)
            times.append(time.process_time() - began)
        return min(times)

    assert 0.5 < fastest(None) / fastest(stored) < 2
