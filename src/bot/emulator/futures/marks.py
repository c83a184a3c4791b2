"""Mark price, index and funding rate: they follow the last price, a little apart from it, the same in every run.

The index swings around the last price (the premium); the mark stands half way between the two. The funding rate is
Binance's: premium + the interest of 0.01 % as far as that is within 0.05 % of the premium.
"""

import math
from decimal import Decimal

import msgspec

from bot.emulator.futures.listing import phase
from bot.simulation.futures.funding import next_funding_ms

INTEREST = Decimal("0.00010000")
_SWING, _PERIOD_MS = 0.0003, 17 * 3_600_000
_NEAR = 0.0005
_EIGHT = Decimal("0.00000001")


class Mark(msgspec.Struct, frozen=True):
    """Prices of a moment and the funding rate (a fraction) that the next funding would have."""

    price: Decimal
    index: Decimal
    rate: Decimal
    next_ms: int


def premium(symbol: str, now_ms: int) -> float:
    """Give how far the last price stands above the index, as a fraction."""
    return _SWING * math.sin(2 * math.pi * (now_ms / _PERIOD_MS + phase(symbol)))


def share(symbol: str, now_ms: int, kind: str) -> float:
    """Give what the last price is multiplied with for the `mark` or the `index` price."""
    part = premium(symbol, now_ms)
    return 1 - part if kind == "index" else 1 - part / 2


def mark_of(symbol: str, last: float, now_ms: int) -> Mark:
    """Give the marks of a last price."""
    part = premium(symbol, now_ms)
    interest = float(INTEREST)
    rate = part + min(_NEAR, max(-_NEAR, interest - part))
    return Mark(
        _eight(last * share(symbol, now_ms, "mark")), _eight(last * share(symbol, now_ms, "index")), _eight(rate),
        next_funding_ms(now_ms),
    )  # fmt: skip


def _eight(value: float) -> Decimal:
    return Decimal(value).quantize(_EIGHT)
