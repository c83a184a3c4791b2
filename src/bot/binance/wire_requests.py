"""What our requests carry, as Binance names it; what is None is left out.

`params_of` writes any of them the way the wire takes it: plain decimals, `true` and `false`, lists as JSON text.
"""

# ruff: noqa: N815 - the names are Binance's

from collections.abc import Sequence
from decimal import Decimal

import msgspec
from msgspec import Struct

from bot.domain.money import plain


class Request(Struct, frozen=True, kw_only=True):
    """Anything that can be asked."""


class Nothing(Request, frozen=True, kw_only=True):
    """A request without parameters."""


NOTHING = Nothing()


def params_of(request: Struct) -> dict[str, str | int]:
    """Write a request's parameters in their order."""
    params: dict[str, str | int] = {}
    for name in request.__struct_fields__:
        value = getattr(request, name)
        if value is not None:
            params[name] = _text(value)
    return params


def _text(value: object) -> str | int:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return value
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, Request):
        return msgspec.json.encode(params_of(value)).decode()
    assert isinstance(value, Sequence), f"no way to write {type(value).__name__}"
    return msgspec.json.encode([params_of(each) if isinstance(each, Struct) else each for each in value]).decode()


# Market data.


class OfSymbol(Request, frozen=True, kw_only=True):
    """One symbol."""

    symbol: str


class OfAnySymbol(Request, frozen=True, kw_only=True):
    """One symbol, or all of them."""

    symbol: str | None = None


class OfSymbols(Request, frozen=True, kw_only=True):
    """One symbol, several, or all of them: give one of the two."""

    symbol: str | None = None
    symbols: tuple[str, ...] | None = None
    type: str | None = None


class ExchangeInfoRequest(Request, frozen=True, kw_only=True):
    """Which symbols' rules."""

    symbol: str | None = None
    symbols: tuple[str, ...] | None = None
    permissions: tuple[str, ...] | None = None
    symbolStatus: str | None = None
    showPermissionSets: bool | None = None


class ExecutionRulesRequest(Request, frozen=True, kw_only=True):
    """Which symbols' execution rules."""

    symbol: str | None = None
    symbols: tuple[str, ...] | None = None
    symbolStatus: str | None = None


class Newest(Request, frozen=True, kw_only=True):
    """The newest rows of a symbol."""

    symbol: str
    limit: int | None = None


class Window(Request, frozen=True, kw_only=True):
    """Rows of a symbol by time or from an id on."""

    symbol: str
    fromId: int | None = None
    startTime: int | None = None
    endTime: int | None = None
    limit: int | None = None


class KlinesRequest(Request, frozen=True, kw_only=True):
    """Candles of a symbol; without times the newest."""

    symbol: str
    interval: str
    startTime: int | None = None
    endTime: int | None = None
    limit: int | None = None


class PairKlinesRequest(Request, frozen=True, kw_only=True):
    """Candles of an index or of a chain of contracts."""

    pair: str
    interval: str
    contractType: str | None = None
    startTime: int | None = None
    endTime: int | None = None
    limit: int | None = None


class FundingRequest(Request, frozen=True, kw_only=True):
    """Past funding rates."""

    symbol: str | None = None
    startTime: int | None = None
    endTime: int | None = None
    limit: int | None = None


# Orders and trades of ours.


class OfOrder(Request, frozen=True, kw_only=True):
    """One order, by either id."""

    symbol: str
    orderId: int | None = None
    origClientOrderId: str | None = None


class OrdersRequest(Request, frozen=True, kw_only=True):
    """Orders of a symbol, from an id on or by time."""

    symbol: str | None = None
    orderId: int | None = None
    startTime: int | None = None
    endTime: int | None = None
    limit: int | None = None


class TradesRequest(Request, frozen=True, kw_only=True):
    """Trades of ours of a symbol."""

    symbol: str
    orderId: int | None = None
    fromId: int | None = None
    startTime: int | None = None
    endTime: int | None = None
    limit: int | None = None
