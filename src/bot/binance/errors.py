"""What a refusal of Binance's means: its code and HTTP status sorted into our four families.

The rule for orders is one line: only a code that is listed as definite may end an order; all else is unknown.
"""

from enum import StrEnum

import msgspec

from bot.binance.wire import ErrorBody, read_error
from bot.domain.errors import BotError, Misconfigured, OutcomeUnknown, Rejected, Unavailable


class Ending(StrEnum):
    """How a request ended, by what has to be done next."""

    REJECTED = "rejected"
    """Certainly not executed, and asking again gives the same answer."""
    THROTTLED = "throttled"
    """Certainly not executed; the exchange wants us to wait."""
    CLOCK = "clock"
    """Certainly not executed, because our timestamp was off."""
    AUTH = "auth"
    """Certainly not executed; key, signature or permission are wrong."""
    UNKNOWN = "unknown"
    """It may have been executed."""


class Throttled(Unavailable):
    """Binance wants us to wait `wait_s` seconds; the request was not executed."""

    def __init__(self, message: str, wait_s: float) -> None:
        super().__init__(message)
        self.wait_s = wait_s


class ClockOff(Rejected):
    """Our timestamp was outside the window: not executed; a fresh look at the exchange's clock helps."""


BAD_TIMESTAMP = -1021
CANCEL_REJECTED = -2011
NO_SUCH_ORDER = -2013

_CODES: dict[Ending, frozenset[int]] = {
    Ending.UNKNOWN: frozenset({-1000, -1001, -1006, -1007, -1016}),
    Ending.THROTTLED: frozenset({-1003, -1008, -1015, -1034}),
    Ending.CLOCK: frozenset({BAD_TIMESTAMP}),
    Ending.AUTH: frozenset({-1002, -1022, -2008, -2014, -2015}),
    Ending.REJECTED: frozenset(
        {
            -1010, -1013, -1014, -1020, *range(-1106, -1099), -1108, -1111, -1112, -1114, -1115, -1116, -1117,
            -1118, -1119, -1120, -1121, -1122, -1125, -1127, -1128, -1130, -1134, -1135, -1139, -1145, -1151,
            -1158, -1160, -1165, -1166, -1168, -1182, -1193, -1194, -1196, -1197, -1198, -1199, -1210, -1211,
            -1220, -1222, -1223, -1224, -1225, -2010, CANCEL_REJECTED, NO_SUCH_ORDER, -2016, -2022, -2026, -2028,
            -2035, -2036, -2038, -2039, -2042, -2043,
        }
    ),
}  # fmt: skip
_BY_CODE = {code: ending for ending, codes in _CODES.items() for code in codes}

_FIXES: dict[int, str] = {
    -1002: "the key may not run this request: check its permissions at Binance",
    -1003: "too much request weight was used: it goes on by itself after the wait",
    -1013: "the order breaks a rule of the symbol: check the order value and the symbol's filters",
    -1015: "too many unfilled orders: let some fill, or place fewer",
    BAD_TIMESTAMP: "our clock and Binance's differ: it is measured again; check this machine's time service",
    -1022: "the signature does not fit: check that the API secret belongs to this key, and store it again",
    -1121: "the symbol is unknown here: check its spelling and the environment",
    -2008: "the key is unknown in this environment: keys of testnet, demo and production are not exchangeable",
    -2010: "the exchange refused the order: check balance, price and the symbol's state",
    -2014: "the API key is missing or malformed: store it again",
    -2015: "the key, its IP list or its permissions do not fit: check all three at Binance, and the environment",
}


def parse_error(body: bytes) -> ErrorBody | None:
    """Give the error in a reply's body, or None when there is none to read."""
    try:
        return read_error(body)
    except msgspec.MsgspecError:
        return None


def ending_of(status: int, error: ErrorBody | None) -> Ending:
    """Say how a refused request ended; whatever is not certainly unexecuted is UNKNOWN."""
    if status in {429, 418}:
        return Ending.THROTTLED
    if error is not None:
        # The order with our id is on the book already: that is no refusal of it.
        if error.code == -2010 and error.msg.startswith("Duplicate order"):
            return Ending.UNKNOWN
        ending = _BY_CODE.get(error.code, Ending.UNKNOWN)
        return ending if status < 500 or ending is Ending.THROTTLED else Ending.UNKNOWN
    # The firewall in front of the exchange answers 403 in HTML; nothing passed it.
    return Ending.THROTTLED if status == 403 else Ending.UNKNOWN


def refusal(status: int, body: bytes, *, repeatable: bool, wait_s: float = 0.0) -> BotError:
    """Give the error to raise for a reply that is not 200; `repeatable` requests are never of unknown outcome."""
    error = parse_error(body)
    code = error.code if error else 0
    text = explain(status, error)
    match ending_of(status, error):
        case Ending.THROTTLED:
            return Throttled(text, wait_s or (60.0 if status == 403 else 1.0))
        case Ending.CLOCK:
            return ClockOff(text, code)
        case Ending.AUTH:
            return Misconfigured(text)
        case Ending.REJECTED:
            return Rejected(text, code)
        case Ending.UNKNOWN if repeatable and error is not None and 400 <= status < 500:
            return Rejected(text, code)
        case Ending.UNKNOWN:
            return Unavailable(text) if repeatable else OutcomeUnknown(text)


def explain(status: int, error: ErrorBody | None) -> str:
    """Give one line: what Binance said, and what helps."""
    if error is None:
        if status == 403:
            return "Binance's firewall refused the request (HTTP 403): check symbols and ids for unusual text"
        return f"Binance answered HTTP {status} without a readable reason: check the address; if it lasts, wait"
    fix = _FIXES.get(error.code)
    said = f"Binance refused ({error.code}: {error.msg.strip() or 'no text'})"
    return f"{said}: {fix}" if fix else said
