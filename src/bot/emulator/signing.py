"""Who signed this? HMAC keys: the signature covers the untouched bytes that were sent, never a re-encoding of them."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass

from bot.emulator.faults import ApiError, illegal, missing
from bot.emulator.params import Params

_RECV_WINDOW_MS = 5_000
_LONGEST_RECV_WINDOW_MS = 60_000
_AHEAD_MS = 1_000
_MICROSECONDS_FROM = 10**14
_FIRST_TIMESTAMP_MS = 1_483_228_800_000


@dataclass(frozen=True, slots=True)
class Claim:
    """What a signed request says of itself. Windows and times are ms; spot takes microseconds too."""

    key: str | None
    payload: bytes
    signature: str
    timestamp_ms: float
    recv_window_ms: float


def rest_payload(query: bytes, body: bytes) -> bytes:
    """Give what a REST request signs: raw query and raw body joined without a separator, each without `signature`."""
    return _unsigned(query) + _unsigned(body)


def socket_payload(params: Mapping[str, str]) -> bytes:
    """Give what a WebSocket API request signs: all parameters but `signature`, sorted by name, not percent-encoded."""
    return "&".join(f"{name}={params[name]}" for name in sorted(params) if name != "signature").encode()


def read_claim(params: Params, key: str | None, payload: bytes) -> Claim:
    """Read the parameters that every signed request carries."""
    stamp = params.whole("timestamp")
    if stamp is None:
        raise missing("timestamp")
    window = params.maybe("recvWindow")
    if window is not None and not re.fullmatch(r"[0-9]{1,5}(\.[0-9]{1,3})?", window, re.ASCII):
        raise illegal("recvWindow", r"^[0-9]{1,5}(\.[0-9]{1,3})?$")
    if window is not None and float(window) > _LONGEST_RECV_WINDOW_MS:
        raise ApiError(-1131, f"recvWindow must be less than {_LONGEST_RECV_WINDOW_MS}.")
    return Claim(
        key, payload, params.text("signature"),
        stamp / 1_000 if stamp >= _MICROSECONDS_FROM else stamp,
        _RECV_WINDOW_MS if window is None else float(window),
    )  # fmt: skip


def check_key(claim: Claim) -> str:
    """Give the key of a request that carries one."""
    if not claim.key:
        raise ApiError(-2014, "API-key format invalid.", 401)
    return claim.key


def check_time(claim: Claim, now_ms: int) -> None:
    """Refuse a request that is too old, or from the future."""
    if claim.timestamp_ms >= now_ms + _AHEAD_MS:
        raise ApiError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if now_ms - claim.timestamp_ms > claim.recv_window_ms or claim.timestamp_ms < _FIRST_TIMESTAMP_MS:
        raise ApiError(-1021, "Timestamp for this request is outside of the recvWindow.")


def check_signature(claim: Claim, secret: bytes) -> None:
    """Refuse a request whose signature is not that of its bytes. The hex may be in either case."""
    expected = hmac.new(secret, claim.payload, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), claim.signature.lower().encode()):
        raise ApiError(-1022, "Signature for this request is not valid.")


def _unsigned(raw: bytes) -> bytes:
    return b"&".join(pair for pair in raw.split(b"&") if not pair.startswith(b"signature="))
