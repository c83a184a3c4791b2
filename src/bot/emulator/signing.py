"""Who signed this? The signature covers the untouched bytes that were sent, never a re-encoding of them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from bot.emulator.keys import Proof
from bot.emulator.params import Params
from bot.emulator.refusals import ApiError, illegal, missing

_RECV_WINDOW_MS = 5_000
_LONGEST_RECV_WINDOW_MS = 60_000
_AHEAD_MS = 1_000
_MICROSECONDS_FROM = 10**14
_PLAIN = re.compile(rb"[A-Za-z0-9_.~&=-]*")
"""What percent-encoding leaves as it is."""
_FIRST_TIMESTAMP_MS = 1_483_228_800_000


@dataclass(frozen=True, slots=True)
class Claim:
    """What a signed request says of itself. Windows and times are ms; spot takes microseconds too."""

    key: str | None
    payloads: tuple[bytes, ...]
    """What may have been signed; any one is enough."""
    signature: str | None
    timestamp_ms: float
    recv_window_ms: float


def rest_payload(query: bytes, body: bytes) -> bytes:
    """Give what a REST request signs: raw query and raw body joined without a separator, each without `signature`."""
    return _unsigned(query) + _unsigned(body)


def socket_payloads(params: Mapping[str, str], *, accepts_encoded: bool) -> tuple[bytes, ...]:
    """Give what a WebSocket API request may sign: all parameters but `signature`, sorted by name, as raw UTF-8.

    The official SDK signs them percent-encoded, which is the same for plain text.
    """
    pairs = [(name, params[name]) for name in sorted(params) if name != "signature"]
    plain = "&".join(f"{name}={value}" for name, value in pairs).encode("utf-8", "surrogatepass")
    if not accepts_encoded:
        return (plain,)
    if _PLAIN.fullmatch(plain):
        return (plain,)
    return plain, urlencode(pairs, errors="surrogatepass").encode()


def read_claim(params: Params, key: str | None, payloads: tuple[bytes, ...], *, needs_signature: bool = True) -> Claim:
    """Read the parameters that every signed request carries; within a session it needs no signature."""
    stamp = params.whole("timestamp")
    if stamp is None:
        raise missing("timestamp")
    window = params.maybe("recvWindow")
    if window is not None and not re.fullmatch(r"[0-9]{1,5}(\.[0-9]{1,3})?", window, re.ASCII):
        raise illegal("recvWindow", r"^[0-9]{1,5}(\.[0-9]{1,3})?$")
    if window is not None and float(window) > _LONGEST_RECV_WINDOW_MS:
        raise ApiError(-1131, f"recvWindow must be less than {_LONGEST_RECV_WINDOW_MS}.")
    return Claim(
        key, payloads, params.text("signature") if needs_signature else params.maybe("signature"),
        stamp / 1_000 if stamp >= _MICROSECONDS_FROM else stamp,
        _RECV_WINDOW_MS if window is None else float(window),
    )  # fmt: skip


def check_time(claim: Claim, now_ms: int) -> None:
    """Refuse a request that is too old, or from the future."""
    if claim.timestamp_ms >= now_ms + _AHEAD_MS:
        raise ApiError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if now_ms - claim.timestamp_ms > claim.recv_window_ms or claim.timestamp_ms < _FIRST_TIMESTAMP_MS:
        raise ApiError(-1021, "Timestamp for this request is outside of the recvWindow.")


def check_signature(claim: Claim, proof: Proof) -> None:
    """Refuse a request whose signature is not that of its bytes."""
    if claim.signature is None or not any(proof.holds(payload, claim.signature) for payload in claim.payloads):
        raise ApiError(-1022, "Signature for this request is not valid.")


def _unsigned(raw: bytes) -> bytes:
    return b"&".join(pair for pair in raw.split(b"&") if not pair.startswith(b"signature="))
