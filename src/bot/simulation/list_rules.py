"""What makes an order list well-formed: which types its legs may have, and on which side of the market each stands."""

from decimal import Decimal

from bot.domain.instrument import Instrument
from bot.domain.money import ZERO
from bot.domain.order import OrderType, Side, TimeInForce
from bot.simulation.lists import ListKind, NewList
from bot.simulation.orders import CONTINGENT, STOPS, TAKES, NewOrder, Refused

_LIMIT_SIDE = TAKES | {OrderType.LIMIT_MAKER}
_MISPLACED = {
    (Side.BUY, False): (-1165, "In a BUY OCO, the limit leg must be below the stop leg."),
    (Side.SELL, False): (-1166, "In a SELL OCO, the limit leg must be above the stop leg."),
    (Side.BUY, True): (-1198, "In a BUY OCO, the take profit leg must be below."),
    (Side.SELL, True): (-1199, "In a SELL OCO, the take profit leg must be above."),
}
"""Code and text by side, and by whether the leg beside the stop is a take profit."""
_PRICES = "The relationship of the prices for the orders is not correct."


def check_list(instrument: Instrument, new: NewList, last: Decimal | None) -> None:
    """Refuse a list whose legs do not fit together. Each leg's own form is checked apart."""
    _check_allowed(instrument, new)
    legs = [*new.pair, *([new.working] if new.working else [])]
    if len({leg.symbol for leg in legs}) != 1:
        raise Refused(-1182, "The legs of a list are orders on one symbol.")
    if new.kind is ListKind.OCO:
        _demand_shape(new, working=False, pair=2)
        check_pair(new.pair[0], new.pair[1], last)
        return
    has_pair = new.kind in {ListKind.OTOCO, ListKind.OPOCO}
    _demand_shape(new, working=True, pair=2 if has_pair else 1)
    _check_working(new)
    if has_pair:
        check_pair(new.pair[0], new.pair[1], None)
    if any(leg.quote_quantity is not None for leg in new.pair):
        raise Refused(-1106, "Parameter 'quoteOrderQty' sent when not required.")


def check_pair(above: NewOrder, below: NewOrder, last: Decimal | None) -> None:
    """Refuse a pair whose types or prices are not those of one limit and one stop leg around the market."""
    if above.side is not below.side:
        raise Refused(-1182, "The legs of an OCO are orders on one side.")
    if above.quantity != below.quantity:
        raise Refused(-1182, "The legs of an OCO have one quantity.")
    stops = [leg for leg in (above, below) if leg.type in STOPS]
    limits = [leg for leg in (above, below) if leg.type in _LIMIT_SIDE]
    if len(limits) == 2:
        raise Refused(-1168, "Both OCO orders cannot be limit.")
    if len(stops) != 1 or len(limits) != 1:
        raise Refused(-1158, "Order type is not supported in an OCO.")
    stop, limit = stops[0], limits[0]
    if any(
        leg.iceberg_quantity and leg.type in CONTINGENT and leg.time_in_force is not TimeInForce.GTC
        for leg in (above, below)
    ):
        raise Refused(-1160, "An iceberg leg of an OCO needs timeInForce GTC.")
    if (stop is above) is not (stop.side is Side.BUY):
        raise Refused(*_MISPLACED[stop.side, limit.type in TAKES])
    top, bottom = _level(above), _level(below)
    if top is not None and bottom is not None and top <= bottom:
        raise Refused(-2010, _PRICES)
    if last is not None and ((top is not None and top <= last) or (bottom is not None and bottom >= last)):
        raise Refused(-2010, _PRICES)


def _check_allowed(instrument: Instrument, new: NewList) -> None:
    needed = {
        ListKind.OCO: (instrument.oco_allowed,),
        ListKind.OTO: (instrument.oto_allowed,),
        ListKind.OTOCO: (instrument.oto_allowed, instrument.oco_allowed),
        ListKind.OPO: (instrument.opo_allowed,),
        ListKind.OPOCO: (instrument.opo_allowed, instrument.oco_allowed),
    }[new.kind]
    if not all(needed):
        raise Refused(-2010, f"{new.kind} orders are not supported for this symbol.")


def _check_working(new: NewList) -> None:
    working = new.working
    if working is None or working.type not in {OrderType.LIMIT, OrderType.LIMIT_MAKER}:
        raise Refused(-1158, "The working leg has to be LIMIT or LIMIT_MAKER.")
    if any(leg.peg is not None for leg in new.pair):
        raise Refused(-2010, "This order type may not use pegged price.")
    if new.kind.sells_what_it_bought:
        if working.side is not Side.BUY:
            raise Refused(-1222, "The working leg has to be a BUY.")
        if any(leg.side is not Side.SELL for leg in new.pair):
            raise Refused(-1223, "The pending legs have to be a SELL.")


def _demand_shape(new: NewList, *, working: bool, pair: int) -> None:
    if len(new.pair) != pair or (new.working is not None) is not working:
        raise Refused(-1182, f"Parameters do not make an {new.kind} list.")


def _level(leg: NewOrder) -> Decimal | None:
    """Give the price by which a leg stands above or below the market; None for one that only trails."""
    price = leg.price if leg.type is OrderType.LIMIT_MAKER else leg.stop_price
    return price or (None if leg.trailing_delta else ZERO)
