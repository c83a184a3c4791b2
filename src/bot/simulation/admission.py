"""What the exchange refuses at its door, with Binance's codes and texts, in the order Binance checks."""

from decimal import Decimal

from bot.domain.instrument import Instrument
from bot.domain.money import cut
from bot.domain.order import OrderType, Side, TimeInForce
from bot.simulation.orders import Refused

NO_LIQUIDITY = "Order book liquidity is less than LOT_SIZE filter minimum quantity."


def check_form(
    instrument: Instrument,
    type: OrderType,  # noqa: A002 - the field's own word
    *,
    time_in_force: TimeInForce | None,
    quantity: Decimal | None,
    quote_quantity: Decimal | None,
    price: Decimal | None,
) -> None:
    """Refuse an order whose parameters do not fit its type, or have more decimals than the asset."""
    if not instrument.is_tradable:
        raise Refused(-2010, "Market is closed.")
    if type not in instrument.order_types:
        raise Refused(-2010, f"{type} orders are not supported for this symbol.")
    _check_parameters(type, time_in_force, quantity, quote_quantity, price)
    _limit_decimals("quantity", quantity, instrument.base_precision)
    _limit_decimals("quoteOrderQty", quote_quantity, instrument.quote_precision)
    _limit_decimals("price", price, instrument.quote_precision)


def check_filters(
    instrument: Instrument,
    side: Side,
    *,
    quantity: Decimal,
    price: Decimal | None,
    reference: Decimal,
    quote_quantity: Decimal | None = None,
) -> None:
    """Refuse an order that breaks a filter. `price` is None for a market order."""
    broken = instrument.explain(side, quantity, price, reference)
    if broken == "NOTIONAL" and quote_quantity is not None:
        # Rounding down to the lot may take the worth below the smallest; the amount asked for is what counts.
        broken = "NOTIONAL" if instrument.notional.broken_by(quote_quantity, is_market=True) else None
    if broken:
        raise Refused(-1013, f"Filter failure: {broken}")


def _check_parameters(
    type: OrderType,  # noqa: A002
    time_in_force: TimeInForce | None,
    quantity: Decimal | None,
    quote_quantity: Decimal | None,
    price: Decimal | None,
) -> None:
    if type is OrderType.MARKET:
        _forbid("timeInForce", time_in_force)
        _forbid("price", price)
        if quantity is not None and quote_quantity is not None:
            raise Refused(-1128, "Combination of optional parameters invalid.")
        if quote_quantity is None:
            _demand("quantity", quantity)
        return
    _forbid("quoteOrderQty", quote_quantity)
    _demand("quantity", quantity)
    _demand("price", price)
    if type is OrderType.LIMIT:
        _demand("timeInForce", time_in_force)
    else:
        _forbid("timeInForce", time_in_force)


def _demand(name: str, value: object) -> None:
    if value is None:
        raise Refused(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def _forbid(name: str, value: object) -> None:
    if value is not None:
        raise Refused(-1106, f"Parameter '{name}' sent when not required.")


def _limit_decimals(name: str, value: Decimal | None, decimals: int) -> None:
    if value is None:
        return
    if not value.is_finite():
        raise Refused(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
    if value <= 0:
        raise Refused(-1013, "Price * QTY is zero or less.")
    if cut(value, decimals) != value:
        raise Refused(-1111, f"Parameter '{name}' has too much precision.")
