"""The form of a spot order: parameters become a NewOrder, with whatever prefix its leg of a list has."""

from decimal import Decimal

from msgspec.structs import replace

from bot.domain.order import OrderType, Side, StpMode, TimeInForce
from bot.emulator.params import Params
from bot.emulator.refusals import ApiError, bad_combination, bad_request, missing, not_required
from bot.emulator.spot.desk import new_client_id
from bot.simulation.orders import NewOrder, Peg

_STRATEGY_TYPE_MIN = 1_000_000
_PEG_LEVELS_MAX = 100
_STP_WORDS = frozenset(StpMode)
_STP_REFUSED = "This symbol does not allow the specified self-trade prevention mode."
_TIMES_IN_FORCE, _SIDES, _TYPES = frozenset(TimeInForce), frozenset(Side), frozenset(OrderType)
REPLIES = ("ACK", "RESULT", "FULL")


def read_order(params: Params) -> NewOrder:
    """Read a new order; what depends on the symbol is checked by the exchange."""
    symbol, side, kind = params.symbol(), read_side(params, "side"), read_type(params, "type")
    client_id = params.client_id("newClientOrderId") or new_client_id()
    quantity, quote = params.amount("quantity"), params.amount("quoteOrderQty")
    return _leg(params, "", symbol, side, kind, client_id, quantity, quote, stp=read_stp(params))


def read_routed(params: Params) -> NewOrder:
    """Read a new order for smart order routing."""
    symbol, side, kind = params.symbol(), read_side(params, "side"), read_type(params, "type")
    client_id = params.client_id("newClientOrderId") or new_client_id()
    params.forbid("quoteOrderQty")
    wish = _leg(params, "", symbol, side, kind, client_id, demand(params, "quantity"), None, stp=read_stp(params))
    for name in ("stopPrice", "trailingDelta", "pegPriceType", "pegOffsetType", "pegOffsetValue"):
        params.forbid(name)
    return replace(wish, uses_sor=True)


def read_leg(
    params: Params, prefix: str, symbol: str, side: Side, quantity: Decimal | None, stp: StpMode | None
) -> NewOrder:
    """Read one leg of a list; `prefix` is like `above` or `pendingBelow`."""
    kind = read_type(params, f"{prefix}Type")
    client_id = params.client_id(f"{prefix}ClientOrderId") or new_client_id()
    return _leg(params, prefix, symbol, side, kind, client_id, quantity, None, stp=stp)


def read_reply(params: Params, kind: OrderType | None) -> str:
    """Read how much of an order the reply shows."""
    wanted = params.choice("newOrderRespType", REPLIES)
    shows_all = kind in {OrderType.LIMIT, OrderType.MARKET}
    return wanted or ("FULL" if shows_all else "ACK")


def read_side(params: Params, name: str) -> Side:
    """Read a side."""
    value = params.text(name)
    if value not in _SIDES:
        raise ApiError(-1117, "Invalid side.")
    return Side(value)


def read_type(params: Params, name: str) -> OrderType:
    """Read an order type."""
    value = params.text(name)
    if value not in _TYPES:
        raise ApiError(-1116, "Invalid orderType.")
    return OrderType(value)


def read_stp(params: Params) -> StpMode | None:
    """Read a self-trade prevention mode."""
    value = params.choice("selfTradePreventionMode", _STP_WORDS, -1013, _STP_REFUSED)
    return None if value is None else StpMode(value)


def demand(params: Params, name: str) -> Decimal:
    """Read a mandatory amount."""
    value = params.amount(name)
    if value is None:
        raise missing(name)
    return value


def _leg(
    params: Params, prefix: str, symbol: str, side: Side, kind: OrderType, client_id: str,
    quantity: Decimal | None, quote: Decimal | None, *, stp: StpMode | None,
) -> NewOrder:  # fmt: skip
    def name(word: str) -> str:
        return f"{prefix}{word[0].upper()}{word[1:]}" if prefix else word

    in_force = params.choice(name("timeInForce"), _TIMES_IN_FORCE, -1115, "Invalid timeInForce.")
    strategy_type = params.whole(name("strategyType"))
    if strategy_type is not None and strategy_type < _STRATEGY_TYPE_MIN:
        raise ApiError(-1134, "strategyType was less than 1000000.")
    trailing = params.whole(name("trailingDelta"))
    if trailing == 0:
        raise bad_request(name("trailingDelta"))
    peg = _peg(params, name("pegPriceType"), name("pegOffsetType"), name("pegOffsetValue"))
    return NewOrder(
        symbol=symbol, side=side, type=kind, client_order_id=client_id,
        time_in_force=TimeInForce(in_force) if in_force else None, quantity=quantity, quote_quantity=quote,
        price=params.amount(name("price")), stop_price=params.amount(name("stopPrice")), trailing_delta=trailing,
        iceberg_quantity=params.amount(name("icebergQty")), peg=peg, stp=stp,
        strategy_id=params.whole(name("strategyId")), strategy_type=strategy_type,
    )  # fmt: skip


def _peg(params: Params, to_name: str, offset_name: str, value_name: str) -> Peg | None:
    to = params.choice(to_name, ("PRIMARY_PEG", "MARKET_PEG"), -1210, f"Invalid {to_name}.")
    offset = params.choice(offset_name, ("PRICE_LEVEL",), -1211, f"Invalid {offset_name}.")
    levels = params.whole(value_name, smallest=1, largest=_PEG_LEVELS_MAX)
    if to is None and (offset is not None or levels is not None):
        raise not_required(offset_name if offset is not None else value_name)
    if (offset is None) != (levels is None):
        raise bad_combination()
    return None if to is None else Peg("PRIMARY_PEG" if to == "PRIMARY_PEG" else "MARKET_PEG", levels or 0)
