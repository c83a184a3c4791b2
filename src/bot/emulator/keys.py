"""API keys: how each kind proves who signed, what it may do, and from where."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Literal, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from bot.domain.errors import Misconfigured

Permission = Literal[
    "read", "trade", "futures", "margin", "withdraw", "internal_transfer", "universal_transfer", "options",
    "fix_trade", "fix_read", "portfolio_margin",
]  # fmt: skip
PERMISSIONS: frozenset[Permission] = frozenset(Permission.__args__)  # type: ignore[attr-defined]
USUAL: frozenset[Permission] = frozenset({"read", "trade", "futures"})


class Proof(Protocol):
    """A way to check signatures."""

    is_ed25519: bool

    def holds(self, payload: bytes, signature: str) -> bool:
        """Say whether a signature belongs to these bytes."""
        ...


class HmacProof:
    """HMAC-SHA-256 in hex of either case."""

    is_ed25519 = False

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def holds(self, payload: bytes, signature: str) -> bool:
        """Say whether a signature belongs to these bytes."""
        expected = hmac.digest(self._secret, payload, "sha256").hex()
        return hmac.compare_digest(expected.encode(), signature.lower().encode())


class PublicKeyProof:
    """RSA (PKCS#1 v1.5 with SHA-256) or pure Ed25519, in base64."""

    def __init__(self, key: RSAPublicKey | Ed25519PublicKey) -> None:
        self._key = key
        self.is_ed25519 = isinstance(key, Ed25519PublicKey)

    def holds(self, payload: bytes, signature: str) -> bool:
        """Say whether a signature belongs to these bytes."""
        try:
            raw = base64.b64decode(signature, validate=True)
            if isinstance(self._key, RSAPublicKey):
                self._key.verify(raw, payload, padding.PKCS1v15(), hashes.SHA256())
            else:
                self._key.verify(raw, payload)
        except (InvalidSignature, binascii.Error, ValueError):
            return False
        return True


def proof_of(secret: str, public_key: str) -> Proof:
    """Make the check of a key from its HMAC secret, or from its public key (PEM, or the base64 inside of it)."""
    if not public_key:
        return HmacProof(secret)
    try:
        if "-----BEGIN" in public_key:
            key = serialization.load_pem_public_key(public_key.encode())
        else:
            key = serialization.load_der_public_key(base64.b64decode(public_key, validate=True))
    except (ValueError, binascii.Error) as error:
        raise Misconfigured("an account's public_key is no PEM or base64 public key; give the PUBLIC half") from error
    if not isinstance(key, RSAPublicKey | Ed25519PublicKey):
        raise Misconfigured("an account's public_key is neither RSA nor Ed25519")
    return PublicKeyProof(key)


@dataclass(eq=False, slots=True)
class Customer:
    """An account by one of its keys. `name` is how the exchange knows it; `uid` is shown to it."""

    name: str
    key: str
    uid: int
    proof: Proof = field(repr=False)
    permissions: frozenset[Permission] = USUAL
    addresses: tuple[str, ...] = ()
    """Addresses or networks that the key may be used from; empty for any."""
    created_ms: int = 0

    def may(self, permission: Permission, address: str) -> bool:
        """Say whether the key may do this from there."""
        return permission in self.permissions and (not self.addresses or self._is_listed(address))

    def restrictions(self) -> dict[str, bool | int]:
        """Give what apiRestrictions shows."""
        names: Mapping[str, Permission] = {
            "enableReading": "read", "enableWithdrawals": "withdraw", "enableInternalTransfer": "internal_transfer",
            "enableMargin": "margin", "enableFutures": "futures", "permitsUniversalTransfer": "universal_transfer",
            "enableVanillaOptions": "options", "enableFixApiTrade": "fix_trade", "enableFixReadOnly": "fix_read",
            "enableSpotAndMarginTrading": "trade", "enablePortfolioMarginTrading": "portfolio_margin",
        }  # fmt: skip
        shown: dict[str, bool | int] = {"ipRestrict": bool(self.addresses), "createTime": self.created_ms}
        return shown | {name: permission in self.permissions for name, permission in names.items()}

    def _is_listed(self, address: str) -> bool:
        try:
            here = ip_address(address)
        except ValueError:
            return False
        return any(here in ip_network(one, strict=False) for one in self.addresses)
