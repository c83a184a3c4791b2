"""What a customer may do with order lists: OCO, OTO, OTOCO, OPO, OPOCO, the old OCO form; ask and cancel."""

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

from bot.domain.order import OrderType, Side, StpMode
from bot.emulator.gateway import Signed
from bot.emulator.keys import Customer
from bot.emulator.params import Params
from bot.emulator.refusals import ApiError
from bot.emulator.spot import wire_orders
from bot.emulator.spot.desk import new_client_id
from bot.emulator.spot.order_calls import Act
from bot.emulator.spot.order_form import REPLIES, demand, read_leg, read_side, read_stp
from bot.emulator.wire import Json
from bot.simulation.exchange import ListKind, NewList, NewOrder, OrderList, Refused

if TYPE_CHECKING:
    from bot.emulator.spot.venue import Venue

_STOP_LIMIT_TIFS = ("GTC", "FOK", "IOC")


def placing(kind: ListKind) -> Callable[[Params], Act[Json]]:
    """Give what reads and places one kind of list."""

    def read(params: Params) -> Act[Json]:
        symbol, client_id = params.symbol(), params.client_id("listClientOrderId") or new_client_id()
        stp = read_stp(params)
        new = _READERS[kind](params, symbol, client_id, stp)
        return _finish(params, new)

    return read


def place_old_oco(params: Params) -> Act[Json]:
    """Place an OCO in its old form: `price` for the limit leg, `stopPrice` for the other."""
    symbol, side, quantity = params.symbol(), read_side(params, "side"), demand(params, "quantity")
    price, stop, stop_limit = demand(params, "price"), params.amount("stopPrice"), params.amount("stopLimitPrice")
    in_force = params.choice("stopLimitTimeInForce", _STOP_LIMIT_TIFS, -1115, "Invalid timeInForce.")
    words = {
        "limit": {
            "Type": "LIMIT_MAKER", "Price": str(price), "ClientOrderId": params.client_id("limitClientOrderId"),
            "IcebergQty": params.maybe("limitIcebergQty"), "StrategyId": params.maybe("limitStrategyId"),
            "StrategyType": params.maybe("limitStrategyType"),
        },
        "stop": {
            "Type": "STOP_LOSS" if stop_limit is None else "STOP_LOSS_LIMIT",
            "Price": None if stop_limit is None else str(stop_limit), "StopPrice": None if stop is None else str(stop),
            "ClientOrderId": params.client_id("stopClientOrderId"), "TimeInForce": in_force,
            "TrailingDelta": params.maybe("trailingDelta"), "IcebergQty": params.maybe("stopIcebergQty"),
            "StrategyId": params.maybe("stopStrategyId"), "StrategyType": params.maybe("stopStrategyType"),
        },
    }  # fmt: skip
    stp = read_stp(params)
    flat = {f"{leg}{name}": value for leg, row in words.items() for name, value in row.items() if value is not None}
    inner = Params(flat)
    limit, stopped = (read_leg(inner, leg, symbol, side, quantity, stp) for leg in ("limit", "stop"))
    pair = (stopped, limit) if side is Side.BUY else (limit, stopped)
    client_id = params.client_id("listClientOrderId") or new_client_id()
    return _finish(params, NewList(kind=ListKind.OCO, client_id=client_id, pair=pair))


def query(params: Params) -> Act[Json]:
    """Give one list."""
    list_id, client_id = params.whole("orderListId"), params.client_id("origClientOrderId")
    if list_id is None and client_id is None:
        raise ApiError(-1102, "Param 'origClientOrderId' or 'orderListId' must be sent, but both were empty/null!")
    params.done()
    return lambda venue, customer: wire_orders.listed(
        venue.exchange.order_list(customer.name, client_id=client_id, list_id=list_id)
    )


def cancel(params: Params) -> Act[Json]:
    """Cancel a list."""
    symbol, list_id = params.symbol(), params.whole("orderListId")
    client_id = params.client_id("listClientOrderId")
    if list_id is None and client_id is None:
        raise ApiError(-1102, "Param 'listClientOrderId' or 'orderListId' must be sent, but both were empty/null!")
    cancel_id = params.client_id("newClientOrderId") or new_client_id()
    params.done()

    def act(venue: "Venue", customer: Customer) -> Json:
        venue.board(symbol)
        with venue.desk.settling() as now_ms:
            one = venue.exchange.cancel_list(
                customer.name, symbol, now_ms=now_ms, client_id=client_id, list_id=list_id, request_id=cancel_id
            )
        return wire_orders.list_cancelled(one, cancel_id)

    return act


def open_lists(params: Params) -> Act[list[Json]]:
    """Give the open lists."""
    params.done()
    return lambda venue, customer: [wire_orders.listed(one) for one in venue.exchange.open_lists(customer.name)]


def all_lists(params: Params) -> Act[list[Json]]:
    """Give every list: the newest, those from an id on, or those of a time range."""
    first, limit = params.whole("fromId"), params.limit(500, 1_000)
    start, end = params.whole("startTime"), params.whole("endTime")
    if first is not None and (start is not None or end is not None):
        raise ApiError(-1128, "Combination of optional parameters invalid.")
    params.done()

    def act(venue: "Venue", customer: Customer) -> list[Json]:
        found = [
            one
            for one in venue.exchange.order_lists(customer.name)
            if (first is None or one.list_id >= first)
            and (start is None or one.created_ms >= start)
            and (end is None or one.created_ms <= end)
        ]
        chosen = found[-limit:] if first is None and start is None else found[:limit]
        return [wire_orders.listed(one) for one in chosen]

    return act


def _finish(params: Params, new: NewList) -> Act[Json]:
    reply = params.choice("newOrderRespType", REPLIES) or "RESULT"
    params.done()
    symbol = new.pair[0].symbol
    orders = len(new.pair) + (new.working is not None)

    def act(venue: "Venue", customer: Customer) -> Json:
        venue.board(symbol)
        venue.check_groups(customer, symbol)
        count = venue.order_count(customer.name)
        count.check(venue.wall_ms, orders)
        with venue.desk.settling() as now_ms:
            one: OrderList = venue.exchange.place_list(customer.name, new, now_ms)
        count.add(venue.wall_ms, orders)
        return wire_orders.list_placed(one, reply, venue.exchange.trade_group(customer.name))

    return act


def _read_oco(params: Params, symbol: str, client_id: str, stp: StpMode | None) -> NewList:
    side, quantity = read_side(params, "side"), demand(params, "quantity")
    pair = tuple(read_leg(params, leg, symbol, side, quantity, stp) for leg in ("above", "below"))
    return NewList(kind=ListKind.OCO, client_id=client_id, pair=pair)


def _reader(kind: ListKind, legs: tuple[str, ...]) -> Callable[[Params, str, str, StpMode | None], NewList]:
    """Give the reader of a list with a working leg."""

    def read(params: Params, symbol: str, client_id: str, stp: StpMode | None) -> NewList:
        working = _working(params, symbol, stp)
        side = read_side(params, "pendingSide")
        quantity: Decimal | None = None
        if kind.sells_what_it_bought:
            params.forbid("pendingQuantity")
        else:
            quantity = demand(params, "pendingQuantity")
        pair = tuple(read_leg(params, leg, symbol, side, quantity, stp) for leg in legs)
        return NewList(kind=kind, client_id=client_id, working=working, pair=pair)

    return read


def _working(params: Params, symbol: str, stp: StpMode | None) -> NewOrder:
    side, quantity = read_side(params, "workingSide"), demand(params, "workingQuantity")
    leg = read_leg(params, "working", symbol, side, quantity, stp)
    if leg.type not in {OrderType.LIMIT, OrderType.LIMIT_MAKER}:
        raise Refused(-1158, "The working leg of a list is LIMIT or LIMIT_MAKER.")
    return leg


_READERS: dict[ListKind, Callable[[Params, str, str, StpMode | None], NewList]] = {
    ListKind.OCO: _read_oco,
    ListKind.OTO: _reader(ListKind.OTO, ("pending",)),
    ListKind.OTOCO: _reader(ListKind.OTOCO, ("pendingAbove", "pendingBelow")),
    ListKind.OPO: _reader(ListKind.OPO, ("pending",)),
    ListKind.OPOCO: _reader(ListKind.OPOCO, ("pendingAbove", "pendingBelow")),
}
PLACE = {kind: Signed(placing(kind), 1, is_order=True, is_free=True, needs="trade") for kind in ListKind}
PLACE_OLD_OCO = Signed(place_old_oco, 1, is_order=True, is_free=True, needs="trade")
CANCEL = Signed(cancel, 1, is_order=True, is_free=True, needs="trade")
QUERY = Signed(query, 4)
OPEN = Signed(open_lists, 6)
ALL = Signed(all_lists, 20)
