"""A copy of the accounts' sealed keys in a file, so that orders can be cancelled while the database is away.

It holds what the database holds: texts that open with our encryption key alone.
"""

import stat
from collections.abc import Iterable
from pathlib import Path

import msgspec

from bot.domain.errors import Misconfigured
from bot.security import private_files
from bot.security.secrets import Secret, SecretBox


class SealedAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An account with its sealed keys, and the markets on which its strategies trade."""

    name: str
    environment: str
    api_key_enc: str
    api_secret_enc: str
    markets: tuple[str, ...]

    def open(self, box: SecretBox) -> tuple[Secret, Secret]:
        """Give key and secret. Misconfigured when they are sealed with another key, or for another account."""
        key, secret = (
            box.open(token, account=self.name, field=field, environment=self.environment)
            for field, token in (("api_key", self.api_key_enc), ("api_secret", self.api_secret_enc))
        )
        return key, secret


class _Copy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    accounts: tuple[SealedAccount, ...]
    version: int = 1


def refresh(path: Path, accounts: Iterable[SealedAccount]) -> bool:
    """Bring the copy up to date; True when it had to be written. Misconfigured when it cannot be."""
    wanted = tuple(sorted(accounts, key=lambda each: each.name))
    try:
        if path.exists() and path.stat().st_mode & 0o777 == 0o600 and _read(path) == wanted:
            return False
    except (OSError, Misconfigured):
        pass  # What is there is of no use to anybody: it is replaced.
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        private_files.replace(path, msgspec.json.encode(_Copy(wanted)).decode())
    except OSError as error:
        raise Misconfigured(f"{path} cannot be written ({error.strerror}); let this user, or set VAR_DIR") from None
    return True


def read(path: Path) -> tuple[SealedAccount, ...]:
    """Give the accounts of the copy. Misconfigured when there is none, or it cannot be trusted."""
    try:
        private_files.check(path, stat.S_ISREG, "600")
        return _read(path)
    except FileNotFoundError:
        raise Misconfigured(f"there is no copy of the accounts in {path}: it is made while the bot runs") from None
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read ({error.strerror}); let this user") from None


def _read(path: Path) -> tuple[SealedAccount, ...]:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Copy).accounts
    except msgspec.MsgspecError:
        raise Misconfigured(f"{path} does not hold accounts as we write them; remove it") from None
