"""What a refusal of Binance's means: its code and HTTP status sorted into our four families.

The rule for orders is one line: only a code that is listed as definite may end an order; all else is unknown.
"""

from enum import StrEnum

import msgspec

from bot.binance.wire import ErrorBody, read_error, read_replace_error
from bot.domain.errors import BotError, Misconfigured, OutcomeUnknown, Rejected, Unavailable
from bot.domain.market import Market


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


class HalfReplaced(OutcomeUnknown):
    """One half of a replacement was done and the other was not: ask for both orders before anything else."""

    def __init__(self, message: str, *, cancelled: bool, placed: bool) -> None:
        super().__init__(message)
        self.cancelled = cancelled
        self.placed = placed


TOO_MANY_ORDERS = -1015
BAD_TIMESTAMP = -1021
INVALID_LISTEN_KEY = -1125
CANCEL_REJECTED = -2011
NO_SUCH_ORDER = -2013
ARCHIVED = -2026
"""It ended long ago, untraded, and is shown no more."""
HALF_REPLACED = -2021

_SPOT: dict[Ending, frozenset[int]] = {
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
# The same number may mean another thing on the other market, so each has a table of its own.
_FUTURES_UNKNOWN = frozenset({-1000, -1006, -1007, -1016, -4083, -4116})
_FUTURES_AUTH = frozenset(
    {-1002, -1005, -1011, -1022, -1099, -2014, -2015, -2017, -2023, -4027, -4056, -4057, -4088, -4109, -4202}
)
_FUTURES: dict[Ending, frozenset[int]] = {
    Ending.REJECTED: frozenset(
        {
            -1004, -1010, -1013, -1014, -1020, -1023, *range(-1106, -1099), -1108, -1109, -1110, -1111, -1112, -1113,
            -1114, -1115, -1116, -1117, -1118, -1119, -1120, -1121, -1122, INVALID_LISTEN_KEY, -1126, -1127, -1128,
            -1130, -1136, *range(-2013, -2009), -2016, *range(-2022, -2017), *range(-2028, -2023),
            *range(-4087, -3999), -4104, -4105, -4106, -4107, -4114, -4115, -4117, -4118, -4120, -4131, -4135, -4137,
            -4138, -4139, -4140, -4141, -4142, -4144, -4161, -4164, -4165, *range(-4172, -4166), -4183, -4184, -4189,
            -4192, -4203, -4205, -4206, *range(-4211, -4207), *range(-4403, -4399), -4531, -5021, -5022, -5024, -5025,
            -5026, -5027, -5029, -5037, -5038, -5039, -5040, -5041, -5043, -5047,
        }
    ) - _FUTURES_UNKNOWN - _FUTURES_AUTH,
    Ending.UNKNOWN: _FUTURES_UNKNOWN,
    Ending.THROTTLED: frozenset({-1003, -1008, TOO_MANY_ORDERS}),
    Ending.CLOCK: frozenset({BAD_TIMESTAMP, -5028}),
    Ending.AUTH: _FUTURES_AUTH,
}  # fmt: skip
_BY_CODE = {
    market: {code: ending for ending, codes in table.items() for code in codes}
    for market, table in ((Market.SPOT, _SPOT), (Market.FUTURES, _FUTURES))
}
# Futures say so in words when a failure of theirs came before the order did.
_NOT_DONE = ("Service Unavailable.", "Internal error; unable to process")

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
    -2019: "the margin does not suffice: check wallet and leverage",
    -2015: "the key, its IP list or its permissions do not fit: check all three at Binance, and the environment",
    -4061: "the account holds two positions a symbol (hedge mode): switch it to one-way mode at Binance",
    -4164: "the order is worth less than the symbol's smallest: raise the order value",
}


def parse_error(body: bytes) -> ErrorBody | None:
    """Give the error in a reply's body, or None when there is none to read."""
    try:
        return read_error(body)
    except msgspec.MsgspecError:
        return None


def error_code(body: bytes) -> int:
    """Give the code in a reply's body; 0 when there is none to read."""
    error = parse_error(body)
    return error.code if error else 0


def ending_of(status: int, error: ErrorBody | None, market: Market = Market.SPOT) -> Ending:
    """Say how a refused request ended; whatever is not certainly unexecuted is UNKNOWN."""
    if status in {429, 418}:
        return Ending.THROTTLED
    if error is not None:
        # The order with our id is on the book already: that is no refusal of it.
        if error.code == -2010 and error.msg.startswith("Duplicate order"):
            return Ending.UNKNOWN
        if market is Market.FUTURES and status == 503 and error.msg.startswith(_NOT_DONE):
            return Ending.THROTTLED
        ending = _BY_CODE[market].get(error.code, Ending.UNKNOWN)
        return ending if status < 500 or ending is Ending.THROTTLED else Ending.UNKNOWN
    # The firewall in front of the exchange answers 403 in HTML; nothing passed it.
    return Ending.THROTTLED if status == 403 else Ending.UNKNOWN


def refusal(
    status: int, body: bytes, market: Market = Market.SPOT, *, repeatable: bool, wait_s: float = 0.0
) -> BotError:
    """Give the error to raise for a reply that is not 200; `repeatable` requests are never of unknown outcome."""
    error = parse_error(body)
    code = error.code if error else 0
    text = explain(status, error)
    if code == HALF_REPLACED and market is Market.SPOT and (half := _half_replaced(text, body)):
        return half
    match ending_of(status, error, market):
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


def _half_replaced(text: str, body: bytes) -> HalfReplaced | None:
    try:
        halves = read_replace_error(body).data
    except msgspec.MsgspecError:
        return None
    return HalfReplaced(text, cancelled=halves.cancelResult == "SUCCESS", placed=halves.newOrderResult == "SUCCESS")


def explain(status: int, error: ErrorBody | None) -> str:
    """Give one line: what Binance said, and what helps."""
    if error is None:
        if status == 403:
            return "Binance's firewall refused the request (HTTP 403): check symbols and ids for unusual text"
        return f"Binance answered HTTP {status} without a readable reason: check the address; if it lasts, wait"
    fix = _FIXES.get(error.code)
    said = f"Binance refused ({error.code}: {error.msg.strip() or 'no text'})"
    return f"{said}: {fix}" if fix else said
