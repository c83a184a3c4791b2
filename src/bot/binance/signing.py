"""Signatures: HMAC, RSA and Ed25519, over exactly the bytes that go out.

Way in: signer_for(). A secret that is a PEM private key decides the algorithm itself; any other text is an HMAC secret.
"""

import base64
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import quote

from bot.domain.errors import Misconfigured

Params = Mapping[str, str | int]
Sign = Callable[[bytes], str]
"""From payload to the text of its signature, not yet percent-encoded."""

_PLAIN = re.compile(r"[A-Za-z0-9_.~-]*")
"""What percent-encoding leaves as it is."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """An API key and its secret; neither shows when printed."""

    key: str = field(repr=False)
    secret: str = field(repr=False)

    def __str__(self) -> str:
        return "Credentials(…)"


def signer_for(credentials: Credentials) -> Sign:
    """Give the signer that fits the secret."""
    if credentials.secret.lstrip().startswith("-----BEGIN"):
        return _pem_signer(credentials.secret.strip())
    secret = credentials.secret.encode()
    return lambda payload: hmac.digest(secret, payload, "sha256").hex()


def is_edwards(credentials: Credentials) -> bool:
    """Say whether the secret is an Ed25519 key, the kind that may log on to the WebSocket API."""
    if not credentials.secret.lstrip().startswith("-----BEGIN"):
        return False
    # An Ed25519 signature has 64 bytes; the smallest RSA one that Binance takes has 256.
    return len(base64.b64decode(signer_for(credentials)(b""))) == 64


def query_text(params: Params) -> str:
    """Write parameters as a query or form body, percent-encoded, in their order."""
    return "&".join([f"{name}={_quoted(str(value))}" for name, value in params.items()])


def signed_query(params: Params, sign: Sign) -> str:
    """Write parameters with their signature at the end: the REST form."""
    text = query_text(params)
    return f"{text}&signature={_quoted(sign(text.encode()))}"


def signed_params(params: Params, sign: Sign) -> dict[str, str | int]:
    """Give parameters with their signature: the WebSocket API's form, sorted by name and not percent-encoded."""
    payload = "&".join(f"{name}={params[name]}" for name in sorted(params))
    return {**params, "signature": sign(payload.encode())}


def _quoted(text: str) -> str:
    # Nearly everything that is sent stays as it is, and to see that is quicker than to write it anew.
    return text if _PLAIN.fullmatch(text) else quote(text, safe="")


def _pem_signer(pem: str) -> Sign:
    # Imported here, because only accounts with such keys pay for it.
    from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa  # noqa: PLC0415

    try:
        key = serialization.load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Misconfigured("the API secret is no readable private key: store an unencrypted PKCS#8 PEM") from None
    if isinstance(key, ed25519.Ed25519PrivateKey):
        edwards = key
        return lambda payload: base64.b64encode(edwards.sign(payload)).decode()
    if isinstance(key, rsa.RSAPrivateKey):
        rivest = key
        return lambda payload: base64.b64encode(rivest.sign(payload, padding.PKCS1v15(), hashes.SHA256())).decode()
    raise Misconfigured("the API secret is a private key of another kind: Binance takes RSA and Ed25519")
