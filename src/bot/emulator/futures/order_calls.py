"""Requests about ordinary orders: place, change, cancel, ask; one at a time and in batches."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from bot.emulator.futures import reading, wire_orders
from bot.emulator.futures.public_calls import demanded, needs_one, span
from bot.emulator.gateway import Signed
from bot.emulator.keys import Customer
from bot.emulator.params import Params
from bot.emulator.refusals import ApiError, bad_combination
from bot.emulator.wire import Json
from bot.simulation.futures.exchange import MAX_BATCH
from bot.simulation.futures.records import FuturesOrder
from bot.simulation.futures.requests import Change, NewOrder
from bot.simulation.futures.words import ADL_PREFIX, SETTLEMENT_PREFIX
from bot.simulation.orders import Refused

if TYPE_CHECKING:
    from bot.emulator.futures.venue import FuturesVenue

type Act = Callable[["FuturesVenue", Customer], Any]
WEEK_MS = 7 * 86_400_000
_CANCELED_ALL: Json = {"code": 200, "msg": "The operation of cancel all open order is done."}


def place(params: Params) -> Act:
    """Place an order."""
    request, is_ack = reading.order(params)
    params.done()

    def act(venue: "FuturesVenue", customer: Customer) -> Json:
        venue.order_count(customer.name).add(venue.wall_ms)
        return _placed(venue, customer, request, is_ack=is_ack)

    return act


def test(params: Params) -> Act:
    """Check an order, and place nothing."""
    request, _ = reading.order(params)
    params.done()

    def act(venue: "FuturesVenue", customer: Customer) -> Json:
        order = venue.exchange.check(customer.name, request, now_ms=venue.now_ms)
        return wire_orders.tested(order, venue.shapes[order.symbol])

    return act


def place_batch(params: Params) -> Act:
    """Place up to five orders, each for itself."""
    rows = reading.batch(params)
    params.done()

    def act(venue: "FuturesVenue", customer: Customer) -> list[Json]:
        venue.order_count(customer.name).add_batch(venue.wall_ms, MAX_BATCH)
        return [_alone(partial(_place_one, venue, customer, row)) for row in rows]

    return act


def modify(params: Params) -> Act:
    """Change a resting limit order."""
    change = reading.change(params)
    params.done()

    def act(venue: "FuturesVenue", customer: Customer) -> Json:
        venue.order_count(customer.name).add(venue.wall_ms)
        return _modified(venue, customer, change)

    return act


def modify_batch(params: Params) -> Act:
    """Change up to five orders, each for itself."""
    rows = reading.batch(params)
    params.done()

    def act(venue: "FuturesVenue", customer: Customer) -> list[Json]:
        venue.order_count(customer.name).add_batch(venue.wall_ms, MAX_BATCH)
        return [_alone(partial(_modify_one, venue, customer, row)) for row in rows]

    return act


def cancel(params: Params) -> Act:
    """Cancel an order."""
    symbol, order_id, client_id = named(params)
    params.done()

    def act(venue: "FuturesVenue", customer: Customer) -> Json:
        with venue.desk.settling() as now_ms:
            order = venue.exchange.cancel(
                customer.name, symbol, now_ms=now_ms, order_id=order_id, client_order_id=client_id
            )
        return wire_orders.reply(order, venue.shapes[symbol])

    return act


def cancel_batch(params: Params) -> Act:
    """Cancel up to ten orders by a list of ids or of client ids."""
    symbol = params.symbol()
    ids = reading.numbers(reading.whole_list(params, "orderIdList", "orderidlist"))
    names = reading.whole_list(params, "origClientOrderIdList", "origclientorderidlist")
    params.done()
    if not ids and not names:
        raise ApiError(-1102, "Param 'origClientOrderIdList' or 'orderIdList' must be sent, but both were empty/null!")

    def act(venue: "FuturesVenue", customer: Customer) -> list[Json]:
        with venue.desk.settling() as now_ms:
            found = venue.exchange.cancel_batch(
                customer.name, symbol, now_ms=now_ms, order_ids=ids, client_order_ids=names
            )
        shape = venue.shapes[symbol]
        return [
            {"code": one.code, "msg": one.message} if isinstance(one, Refused) else wire_orders.reply(one, shape)
            for one in found
        ]

    return act


def cancel_all(params: Params) -> Act:
    """Cancel every ordinary order of a symbol."""
    symbol = params.symbol()
    params.done()

    def act(venue: "FuturesVenue", customer: Customer) -> Json:
        with venue.desk.settling() as now_ms:
            venue.exchange.cancel_all(customer.name, symbol, now_ms=now_ms)
        return _CANCELED_ALL

    return act


def countdown(params: Params) -> Act:
    """Cancel everything of a symbol after a while, unless told again."""
    symbol, countdown_ms = params.symbol(), demanded("countdownTime", params.whole("countdownTime"))
    params.done()

    def act(venue: "FuturesVenue", customer: Customer) -> Json:
        venue.set_deadline(customer.name, symbol, countdown_ms)
        return {"symbol": symbol, "countdownTime": str(countdown_ms)}

    return act


def query(params: Params) -> Act:
    """Give an order."""
    symbol, order_id, client_id = named(params)
    params.done()

    def act(venue: "FuturesVenue", customer: Customer) -> Json:
        order = venue.exchange.order(customer.name, symbol, order_id=order_id, client_order_id=client_id)
        return row(venue, order)

    return act


def query_open(params: Params) -> Act:
    """Give an order that is still open."""
    symbol, order_id, client_id = named(params)
    params.done()

    def act(venue: "FuturesVenue", customer: Customer) -> Json:
        order = venue.exchange.order(customer.name, symbol, order_id=order_id, client_order_id=client_id)
        if not order.is_open:
            raise ApiError(-2013, "Order does not exist.")
        return row(venue, order)

    return act


def open_orders(params: Params) -> Act:
    """Give the open orders of a symbol, or all."""
    symbol = params.maybe("symbol")
    params.done()
    return lambda venue, customer: [row(venue, one) for one in venue.exchange.open_orders(customer.name, symbol)]


def all_orders(params: Params) -> Act:
    """Give orders; of too many the newest."""
    symbol, limit, first_id = params.maybe("symbol"), params.limit(500, 1_000), params.whole("orderId")
    start, end = _week(params)
    params.done()

    def act(venue: "FuturesVenue", customer: Customer) -> list[Json]:
        if symbol is not None:
            venue.board(symbol)
        found = [
            one
            for one in venue.exchange.orders(customer.name, symbol)
            if (first_id is None or one.order_id >= first_id) and _within(one.created_ms, start, end)
        ]
        return [row(venue, one) for one in (found[-limit:] if first_id is None else found[:limit])]

    return act


def forced(params: Params) -> Act:
    """Give the orders by which the exchange closed positions: of the two kinds that the documents name."""
    symbol, limit = params.maybe("symbol"), params.limit(50, 100)
    kind = params.choice("autoCloseType", ("LIQUIDATION", "ADL"))
    start, end = _week(params)
    params.done()

    def act(venue: "FuturesVenue", customer: Customer) -> list[Json]:
        found = [
            one
            for one in venue.exchange.forced_orders(customer.name, symbol)
            if not one.client_order_id.startswith(SETTLEMENT_PREFIX)
            and kind in {None, "ADL" if one.client_order_id.startswith(ADL_PREFIX) else "LIQUIDATION"}
            and _within(one.created_ms, start, end)
        ]
        return [row(venue, one) for one in found[-limit:]]

    return act


def trades(params: Params) -> Act:
    """Give fills; of too many in a range the oldest, otherwise the newest."""
    symbol, limit = params.symbol(), params.limit(500, 1_000)
    order_id, first_id = params.whole("orderId"), params.whole("fromId")
    start, end = _week(params)
    params.done()
    if first_id is not None and (start is not None or end is not None):
        raise bad_combination()

    def act(venue: "FuturesVenue", customer: Customer) -> list[Json]:
        found = [
            one
            for one in venue.exchange.trades(customer.name, symbol)
            if (order_id is None or one.order_id == order_id)
            and (first_id is None or one.trade_id >= first_id)
            and _within(one.time_ms, start, end)
        ]
        from_start = first_id is not None or start is not None
        shape = venue.shapes[symbol]
        return [wire_orders.trade(one, shape) for one in (found[:limit] if from_start else found[-limit:])]

    return act


def amendments(params: Params) -> Act:
    """Give the changes of limit orders of a symbol, newest first."""
    symbol, limit = params.symbol(), params.limit(50, 100)
    order_id, client_id = params.whole("orderId"), params.maybe("origClientOrderId")
    start, end = span(params)
    params.done()

    def act(venue: "FuturesVenue", customer: Customer) -> list[Json]:
        venue.board(symbol)
        found = [
            wire_orders.amendment(one, venue.shapes[symbol])
            for one in venue.exchange.amendments(customer.name, symbol)
            if order_id in {None, one.order_id}
            and client_id in {None, one.client_order_id}
            and _within(one.time_ms, start, end)
        ]
        return found[::-1][:limit]

    return act


def row(venue: "FuturesVenue", order: FuturesOrder) -> Json:
    """Write an order as the queries show it."""
    original = venue.exchange.algo(order.account, algo_id=order.algo_id).type if order.algo_id else ""
    return wire_orders.asked(order, venue.shapes[order.symbol], original)


def named(params: Params) -> tuple[str, int | None, str | None]:
    """Read which order is meant: a symbol, and an order id or a client order id."""
    symbol = params.symbol()
    needs_one(params, "orderId", "origClientOrderId")
    return symbol, params.whole("orderId"), params.maybe("origClientOrderId")


def _placed(venue: "FuturesVenue", customer: Customer, request: NewOrder, *, is_ack: bool) -> Json:
    with venue.desk.settling() as now_ms:
        order = venue.exchange.place(customer.name, request, now_ms=now_ms)
    return wire_orders.reply(order, venue.shapes[order.symbol], is_ack=is_ack)


def _place_one(venue: "FuturesVenue", customer: Customer, params: Params) -> Json:
    request, is_ack = reading.order(params)
    params.done()
    return _placed(venue, customer, request, is_ack=is_ack)


def _modify_one(venue: "FuturesVenue", customer: Customer, params: Params) -> Json:
    change = reading.change(params)
    params.done()
    return _modified(venue, customer, change)


def _modified(venue: "FuturesVenue", customer: Customer, change: Change) -> Json:
    with venue.desk.settling() as now_ms:
        order = venue.exchange.modify(customer.name, change, now_ms=now_ms)
    answer = wire_orders.reply(order, venue.shapes[order.symbol])
    return answer | {"modifyId": change.modify_id} if change.modify_id else answer


def _alone(act: Callable[[], Json]) -> Json:
    """Give an answer, or a refusal in its place."""
    try:
        return act()
    except Refused as refusal:
        return {"code": refusal.code, "msg": refusal.message}
    except ApiError as error:
        return {"code": error.code, "msg": error.message}


def _week(params: Params) -> tuple[int | None, int | None]:
    start, end = span(params)
    if start is not None and end is not None and end - start > WEEK_MS:
        raise ApiError(-4165, "Invalid time interval: it may not be longer than 7 days.")
    return start, end


def _within(time_ms: int, start: int | None, end: int | None) -> bool:
    return (start is None or time_ms >= start) and (end is None or time_ms <= end)


def _open_weight(params: Params) -> int:
    return 1 if params.peek("symbol") else 40


def _forced_weight(params: Params) -> int:
    return 20 if params.peek("symbol") else 50


PLACE = Signed(place, 0, is_order=True, needs="futures")
TEST = Signed(test, 0, needs="futures")
PLACE_BATCH = Signed(place_batch, 5, is_order=True, needs="futures")
MODIFY = Signed(modify, 0, is_order=True, needs="futures")
MODIFY_BATCH = Signed(modify_batch, 5, is_order=True, needs="futures")
CANCEL = Signed(cancel, needs="futures")
CANCEL_BATCH = Signed(cancel_batch, needs="futures")
CANCEL_ALL = Signed(cancel_all, needs="futures")
COUNTDOWN = Signed(countdown, 10, needs="futures")
QUERY = Signed(query)
QUERY_OPEN = Signed(query_open)
OPEN_ORDERS = Signed(open_orders, _open_weight)
ALL_ORDERS = Signed(all_orders, 5)
FORCED = Signed(forced, _forced_weight)
TRADES = Signed(trades, 5)
AMENDMENTS = Signed(amendments)
