"""What the exchange refuses at its door, with Binance's codes and texts, in the order Binance checks."""

from decimal import Decimal

from bot.domain.instrument import Instrument
from bot.domain.money import cut
from bot.domain.order import OrderType, Side, TimeInForce
from bot.simulation.orders import CONTINGENT, STOPS, NewOrder, Refused

NO_LIQUIDITY = "Order book liquidity is less than LOT_SIZE filter minimum quantity."
_LIMITS = frozenset({OrderType.LIMIT, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT})
_PEGGED = frozenset({OrderType.LIMIT, OrderType.LIMIT_MAKER})
_TIMES = frozenset({TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK})


def check_form(
    instrument: Instrument,
    type: OrderType,  # noqa: A002 - the field's own word
    *,
    time_in_force: TimeInForce | None,
    quantity: Decimal | None,
    quote_quantity: Decimal | None,
    price: Decimal | None,
    stop_price: Decimal | None = None,
    trailing_delta: int | None = None,
    iceberg_quantity: Decimal | None = None,
    is_pegged: bool = False,
) -> None:
    """Refuse an order whose parameters do not fit its type, or have more decimals than the asset."""
    if not instrument.is_tradable:
        raise Refused(-2010, "Market is closed.")
    if type not in instrument.order_types:
        raise Refused(-2010, f"{type} orders are not supported for this symbol.")
    if type is OrderType.MARKET:
        _check_market(time_in_force, quantity, quote_quantity, price)
        if quantity is not None and not any(
            each is not None for each in (stop_price, trailing_delta, iceberg_quantity)
        ):
            _limit_decimals("quantity", quantity, instrument.base_precision)
            return
    else:
        _forbid("quoteOrderQty", quote_quantity)
        _demand("quantity", quantity)
        _check_limit(type, time_in_force, price, is_pegged=is_pegged)
    _check_trigger(type, stop_price, trailing_delta)
    _check_iceberg(type, time_in_force, quantity, iceberg_quantity)
    for name, value, decimals in (
        ("quantity", quantity, instrument.base_precision),
        ("quoteOrderQty", quote_quantity, instrument.quote_precision),
        ("price", price, instrument.quote_precision),
        ("stopPrice", stop_price, instrument.quote_precision),
        ("icebergQty", iceberg_quantity, instrument.base_precision),
    ):
        if value is not None:
            _limit_decimals(name, value, decimals)


def check_order(instrument: Instrument, wish: NewOrder) -> None:
    """Refuse an order for its form, or for something that the symbol does not offer."""
    check_form(
        instrument,
        wish.type,
        time_in_force=wish.time_in_force,
        quantity=wish.quantity,
        quote_quantity=wish.quote_quantity,
        price=wish.price,
        stop_price=wish.stop_price,
        trailing_delta=wish.trailing_delta,
        iceberg_quantity=wish.iceberg_quantity,
        is_pegged=wish.peg is not None,
    )
    for is_asked, is_allowed, what in (
        (wish.iceberg_quantity, instrument.iceberg_allowed, "Iceberg"),
        (wish.trailing_delta, instrument.trailing_allowed, "Trailing stop"),
        (wish.peg, instrument.pegs_allowed, "Pegged"),
        (wish.quote_quantity, instrument.quote_market_allowed, "Quote order qty market"),
    ):
        if is_asked and not is_allowed:
            raise Refused(-2010, f"{what} orders are not supported for this symbol.")
    if wish.stp is not None and wish.stp not in instrument.allowed_stp:
        raise Refused(-1013, "This symbol does not allow the specified self-trade prevention mode.")
    if wish.peg is not None and (wish.type not in _PEGGED or _is_bad_peg(wish)):
        raise Refused(-2010, "This order type may not use pegged price.")


def check_filters(
    instrument: Instrument,
    side: Side,
    *,
    quantity: Decimal,
    price: Decimal | None,
    reference: Decimal,
    quote_quantity: Decimal | None = None,
    stop_price: Decimal | None = None,
    iceberg_quantity: Decimal | None = None,
) -> None:
    """Refuse an order that breaks a filter. `price` is None for a market order."""
    broken = instrument.explain(
        side, quantity, price, reference, stop_price=stop_price, iceberg_quantity=iceberg_quantity
    )
    if broken == instrument.notional_name and quote_quantity is not None:
        # Rounding down to the lot may take the worth below the smallest; the amount asked for is what counts.
        broken = broken if instrument.notional.broken_by(quote_quantity, is_market=True) else None
    if broken:
        raise Refused(-1013, f"Filter failure: {broken}")


def check_trailing(instrument: Instrument, side: Side, type: OrderType, delta: int) -> None:  # noqa: A002
    """Refuse a trailing delta out of bounds."""
    is_above = (side is Side.BUY) == (type in STOPS)
    if delta <= 0 or (instrument.trailing and instrument.trailing.broken_by(delta, is_above=is_above)):
        raise Refused(-1013, "Filter failure: TRAILING_DELTA")


def _check_market(
    time_in_force: TimeInForce | None,
    quantity: Decimal | None,
    quote_quantity: Decimal | None,
    price: Decimal | None,
) -> None:
    _forbid("timeInForce", time_in_force)
    _forbid("price", price)
    if quantity is not None and quote_quantity is not None:
        raise Refused(-1128, "Combination of optional parameters invalid.")
    if quote_quantity is None:
        _demand("quantity", quantity)


def _check_limit(
    type: OrderType,  # noqa: A002
    time_in_force: TimeInForce | None,
    price: Decimal | None,
    *,
    is_pegged: bool,
) -> None:
    if type in _LIMITS or type is OrderType.LIMIT_MAKER:
        if not is_pegged:
            _demand("price", price)
    else:
        _forbid("price", price)
    if type not in _LIMITS:
        _forbid("timeInForce", time_in_force)
        return
    _demand("timeInForce", time_in_force)
    if time_in_force not in _TIMES:
        raise Refused(-1115, "Invalid timeInForce.")


def _check_trigger(type: OrderType, stop_price: Decimal | None, trailing_delta: int | None) -> None:  # noqa: A002
    if type not in CONTINGENT:
        _forbid("stopPrice", stop_price)
        _forbid("trailingDelta", trailing_delta)
    elif trailing_delta is None:
        _demand("stopPrice", stop_price)


def _check_iceberg(
    type: OrderType,  # noqa: A002
    time_in_force: TimeInForce | None,
    quantity: Decimal | None,
    iceberg_quantity: Decimal | None,
) -> None:
    if iceberg_quantity is None:
        return
    if type not in _LIMITS and type is not OrderType.LIMIT_MAKER:
        _forbid("icebergQty", iceberg_quantity)
    if type in _LIMITS and time_in_force is not TimeInForce.GTC:
        raise Refused(-1014, "Unsupported order combination.")
    if quantity is not None and iceberg_quantity > quantity:
        raise Refused(-2010, "IcebergQty exceeds QTY.")


def _is_bad_peg(wish: NewOrder) -> bool:
    is_primary = wish.peg is not None and wish.peg.to == "PRIMARY_PEG"
    if wish.type is OrderType.LIMIT_MAKER:
        return not is_primary
    return is_primary and wish.time_in_force is not TimeInForce.GTC


def _demand(name: str, value: object) -> None:
    if value is None:
        raise Refused(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def _forbid(name: str, value: object) -> None:
    if value is not None:
        raise Refused(-1106, f"Parameter '{name}' sent when not required.")


def _limit_decimals(name: str, value: Decimal, decimals: int) -> None:
    if not value.is_finite():
        raise Refused(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
    if value <= 0:
        raise Refused(-1013, "Price * QTY is zero or less.")
    if cut(value, decimals) != value:
        raise Refused(-1111, f"Parameter '{name}' has too much precision.")
