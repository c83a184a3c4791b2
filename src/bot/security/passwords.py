"""Passwords: kept as Argon2id hashes, slow on purpose. Call these from a thread, a few at a time."""

import unicodedata
from dataclasses import dataclass

from pwdlib import PasswordHash
from pwdlib.exceptions import PwdlibError
from pwdlib.hashers.argon2 import Argon2Hasher

SHORTEST = 10
LONGEST = 256
"""Characters; a longer one would only cost us time."""


def objection(password: str, user: str) -> str | None:
    """Say why a new password is not taken, or None."""
    lowered = password.lower()
    if len(password) < SHORTEST:
        return f"the password is too short; use at least {SHORTEST} characters"
    if len(password) > LONGEST:
        return f"the password is too long; use at most {LONGEST} characters"
    if len(set(lowered)) < 5:
        return "the password repeats too few characters; use at least five different ones"
    if user and (lowered == user.lower() or (len(user) >= 4 and user.lower() in lowered)):
        return "the password contains the user name; choose another one"
    if any(lowered.startswith(common) or lowered[::-1].startswith(common) for common in _COMMON):
        return "the password begins like those that are guessed first; choose another one"
    return None


_COMMON = (
    "password",
    "123456789",
    "qwertyuiop",
    "qwerty123",
    "letmein",
    "binance",
    "iloveyou",
    "administrator",
    "abcdefgh",
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a password was right, and the hash to store in place of an outdated one."""

    is_right: bool
    new_hash: str | None = None


class Passwords:
    """Hashes and checks passwords. The cost is memory in KiB and rounds; about 0.3 s as it is."""

    def __init__(self, memory_kib: int = 65_536, rounds: int = 3) -> None:
        self._hash = PasswordHash((Argon2Hasher(time_cost=rounds, memory_cost=memory_kib, parallelism=1),))

    def hash(self, password: str) -> str:
        """Give the text to store."""
        return self._hash.hash(_typed(password))

    def verify(self, password: str, stored: str | None) -> Verdict:
        """Check a password; give None as `stored` for an unknown user, so that the answer takes as long."""
        password = _typed(password[: LONGEST + 1])
        if stored is None:
            # Hashing costs what checking costs, so the time does not tell which users exist.
            self._hash.hash(password)
            return Verdict(is_right=False)
        try:
            is_right, new_hash = self._hash.verify_and_update(password, stored)
        except PwdlibError:
            self._hash.hash(password)
            return Verdict(is_right=False)
        return Verdict(is_right, new_hash if is_right else None)


def _typed(password: str) -> str:
    """Give one form to what keyboards write differently, and to what is no text at all."""
    return unicodedata.normalize("NFC", password.encode("utf-8", "backslashreplace").decode())
