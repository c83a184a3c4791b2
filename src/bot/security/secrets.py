"""Secrets and the box that seals them: what is sealed for one account, field and environment opens for no other."""

import hashlib
import hmac
import json
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn, SupportsIndex

from cryptography.fernet import Fernet, InvalidToken

from bot.domain.errors import Misconfigured
from bot.security.redact import MASK, register_secret

_VERSION = 1
_PREFIX = f"s{_VERSION}"


class Secret:
    """A text that shows as stars wherever it is printed, and refuses to be pickled. `reveal()` gives it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Give the text itself. Use it at once, and keep it nowhere."""
        return self._text

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __copy__(self) -> "Secret":
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> "Secret":
        return self

    def __getstate__(self) -> NoReturn:
        raise TypeError("a secret is not written down; pass its sealed text instead")

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a secret is not pickled; pass its sealed text instead")


def key_id(key: str | Secret) -> str:
    """Give the short name of an encryption key, safe to show and to store."""
    text = key.reveal() if isinstance(key, Secret) else key
    return hashlib.sha256(b"binance-bot key id\0" + text.encode()).hexdigest()[:8]


class SecretBox:
    """Seals with the first of its Fernet keys, opens with any of them."""

    def __init__(self, keys: str | Secret | Sequence[str | Secret]) -> None:
        given = [keys] if isinstance(keys, (str, Secret)) else list(keys)
        texts = [key.reveal() if isinstance(key, Secret) else key.strip() for key in given]
        if not texts:
            raise Misconfigured("no encryption key given; set ENCRYPTION_KEY or run `bot init`")
        for text in texts:
            register_secret(text)
        self._rings = {key_id(text): fernet(text) for text in texts}
        self.key_ids = tuple(self._rings)
        """Names of the keys; the first one seals."""

    def enc(self, text: str) -> str:
        """Encrypt a text that belongs to nobody in particular. For exchange keys use `seal`."""
        return self._rings[self.key_ids[0]].encrypt(text.encode()).decode()

    def dec(self, token: str) -> str:
        """Decrypt what `enc` made."""
        for ring in self._rings.values():
            try:
                return ring.decrypt(token.encode()).decode()
            except InvalidToken:
                continue
        raise Misconfigured(f"an encrypted value opens with none of our keys ({self._named()}); {_FIND_KEY}")

    def seal(self, secret: str | Secret, *, account: str, field: str, environment: str) -> str:
        """Encrypt a secret for one owner. The result names the key it needs, and nothing else."""
        register_secret(secret.reveal() if isinstance(secret, Secret) else secret)
        name = self.key_ids[0]
        inside = {
            "version": _VERSION,
            "account": account,
            "field": field,
            "environment": environment,
            "key_id": name,
            "secret": secret.reveal() if isinstance(secret, Secret) else secret,
        }
        return f"{_PREFIX}.{name}.{self._rings[name].encrypt(json.dumps(inside).encode()).decode()}"

    def open(self, token: str, *, account: str, field: str, environment: str) -> Secret:
        """Decrypt a secret for its owner. Raises Misconfigured when it was sealed for another one, or not by us."""
        inside = self._unpack(token)
        asked = {"account": account, "field": field, "environment": environment}
        sealed = {name: inside[name] for name in asked}
        if sealed != asked:
            differing = ", ".join(f"{name} {sealed[name]!r}" for name in asked if sealed[name] != asked[name])
            raise Misconfigured(
                f"{field} of account {account!r} ({environment}) was sealed for {differing}: the stored value was "
                "moved or swapped; enter the exchange key again"
            )
        register_secret(inside["secret"])
        return Secret(inside["secret"])

    def rotate(self, token: str) -> str:
        """Give the same secret sealed with the first key; a token that already is comes back as it was."""
        if not token.startswith(f"{_PREFIX}."):
            try:
                self._rings[self.key_ids[0]].decrypt(token.encode())
            except InvalidToken:
                return self.enc(self.dec(token))
            return token
        inside = self._unpack(token)
        if inside["key_id"] == self.key_ids[0]:
            return token
        owner = {name: inside[name] for name in ("account", "field", "environment")}
        return self.seal(inside["secret"], **owner)

    def _unpack(self, token: str) -> dict[str, str]:
        prefix, _, rest = token.partition(".")
        name, _, body = rest.partition(".")
        if prefix != _PREFIX or not body:
            raise Misconfigured("a stored secret is not one that we sealed; enter the exchange key again")
        if name not in self._rings:
            raise Misconfigured(
                f"a stored secret needs the encryption key {_printable(name)}, and we have {self._named()}; {_FIND_KEY}"
            )
        try:
            inside = json.loads(self._rings[name].decrypt(body.encode()))
        except InvalidToken:
            raise Misconfigured("a stored secret was altered; enter the exchange key again") from None
        # The name outside only helps to find the key; what counts is the one inside, which nobody can alter.
        if inside.get("version") != _VERSION or inside.get("key_id") != name:
            raise Misconfigured("a stored secret does not match its label; enter the exchange key again")
        return dict(inside)

    def _named(self) -> str:
        return ", ".join(self.key_ids)

    def __repr__(self) -> str:
        return f"SecretBox({self._named()})"


_FIND_KEY = "put back the ENCRYPTION_KEY it was made with, or enter the exchange key again"


def _printable(name: str) -> str:
    return name if len(name) == 8 and name.isalnum() else "of an unknown name"


def fernet(key: str) -> Fernet:
    """Give the cipher of a key. Raises Misconfigured without showing what was given."""
    # The library overlooks what follows the padding, and two spellings of one key would get two names.
    if len(key) == 44:
        with suppress(ValueError):
            return Fernet(key)
    raise Misconfigured(
        "ENCRYPTION_KEY is not a Fernet key; remove it and run `bot init`, or give 44 characters of base64"
    )
