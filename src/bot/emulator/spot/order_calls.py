"""What a customer may do with single orders: place, test, ask, cancel, replace, amend."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

from bot.emulator.gateway import Signed
from bot.emulator.keys import Customer
from bot.emulator.params import Params
from bot.emulator.refusals import ApiError
from bot.emulator.spot import wire_orders
from bot.emulator.spot.desk import new_client_id
from bot.emulator.spot.order_form import demand, read_order, read_reply, read_routed
from bot.emulator.wire import Json
from bot.simulation.exchange import Refused, RestingOrder
from bot.simulation.orders import NewOrder

if TYPE_CHECKING:
    from bot.emulator.spot.venue import Venue

type Act[T] = Callable[["Venue", Customer], T]
type Find = Callable[["Venue", Customer], RestingOrder | None]
Restriction = Literal["ONLY_NEW", "ONLY_PARTIALLY_FILLED"]

_NO_SUCH_ORDER = -2013
_MISMATCHES = {
    -2011: "Cancel order is invalid. Check origClOrdId and orderId.",
    -2039: "Client order ID is not correct for this order ID.",
}
"""What is said of an order id and a client id that do not belong together: at a cancel, and at a question."""
_REFUSED_BY_ENGINE = -2010
_RESTRICTIONS: dict[str, Restriction] = {
    "ONLY_NEW": "ONLY_NEW", "ONLY_PARTIALLY_FILLED": "ONLY_PARTIALLY_FILLED"
}  # fmt: skip


def place(params: Params) -> Act[Json]:
    """Place an order."""
    wish = read_order(params)
    reply = read_reply(params, wish.type)
    params.done()
    return lambda venue, customer: shown(venue, submit(venue, customer, wish), reply)


def shown(venue: "Venue", order: RestingOrder, reply: str) -> Json:
    """Give the reply to an order that was placed."""
    return wire_orders.placed(order, reply, venue.exchange.trade_group(order.account))


def place_routed(params: Params) -> Act[Json]:
    """Place an order that smart order routing may fill from other books."""
    wish = read_routed(params)
    reply = read_reply(params, wish.type)
    params.done()
    return lambda venue, customer: shown(venue, submit(venue, customer, wish), reply)


def place_routed_by_socket(params: Params) -> Act[list[Json]]:
    """Place a routed order; the WebSocket API answers with a list of one."""
    act = place_routed(params)
    return lambda venue, customer: [act(venue, customer)]


def submit(venue: "Venue", customer: Customer, wish: NewOrder) -> RestingOrder:
    """Bring an order to the exchange: checked, counted, placed."""
    venue.board(wish.symbol)
    venue.check_groups(customer, wish.symbol)
    with venue.desk.settling() as now_ms:
        _count(venue, customer, wish)
        is_aside = venue.push_aside(wish.symbol, customer.name)
        try:
            return venue.exchange.submit(customer.name, wish, now_ms)
        except Refused as refusal:
            if refusal.code != _REFUSED_BY_ENGINE:
                venue.order_count(customer.name).give_back(venue.wall_ms)
            raise
        finally:
            if is_aside:
                venue.exchange.set_reference_price(wish.symbol, None)


def _count(venue: "Venue", customer: Customer, wish: NewOrder) -> None:
    """Count an order. When there is no room for it, its form and the filters are still what is refused first."""
    try:
        venue.order_count(customer.name).add(venue.wall_ms)
    except ApiError:
        venue.exchange.check(customer.name, wish, venue.now_ms)
        raise


def test(params: Params) -> Act[Json]:
    """Check an order without placing it."""
    return _tested(params, read_order(params))


def test_routed(params: Params) -> Act[Json]:
    """Check a routed order without placing it."""
    return _tested(params, read_routed(params))


def _tested(params: Params, wish: NewOrder) -> Act[Json]:
    with_fees = params.flag("computeCommissionRates")
    read_reply(params, wish.type)
    params.done()

    def act(venue: "Venue", customer: Customer) -> Json:
        venue.board(wish.symbol)
        venue.check_groups(customer, wish.symbol)
        venue.exchange.check(customer.name, wish, venue.now_ms)
        if not with_fees:
            return {}
        fees = wire_orders.commission(wish.symbol, venue.fees(customer.name, wish.symbol))
        return {
            f"{part}CommissionForOrder": {name: fees[f"{part}Commission"][name] for name in ("maker", "taker")}
            for part in ("standard", "special", "tax")
        } | {"discount": fees["discount"]}

    return act


def query(params: Params) -> Act[Json]:
    """Give one order."""
    find = read_reference(params, mismatch=-2039)
    params.done()

    def act(venue: "Venue", customer: Customer) -> Json:
        order = find(venue, customer)
        if order is None:
            raise ApiError(_NO_SUCH_ORDER, "Order does not exist.")
        return wire_orders.queried(order)

    return act


def cancel(params: Params) -> Act[Json]:
    """Cancel one order; with a leg of a list goes the whole list."""
    find = read_reference(params, mismatch=-2011)
    cancel_id = params.client_id("newClientOrderId") or new_client_id()
    restriction = read_restriction(params)
    params.done()

    def act(venue: "Venue", customer: Customer) -> Json:
        order = find(venue, customer)
        if order is None or not order.is_open:
            raise ApiError(-2011, "Unknown order sent.")
        with venue.desk.settling() as now_ms:
            venue.exchange.cancel(
                customer.name, order.symbol, now_ms=now_ms, order_id=order.order_id, restriction=restriction,
                request_id=cancel_id,
            )  # fmt: skip
        one = venue.exchange.list_of(order)
        return wire_orders.cancelled(order, cancel_id) if one is None else wire_orders.list_cancelled(one, cancel_id)

    return act


def cancel_all(params: Params) -> Act[list[Json]]:
    """Cancel every open order of a symbol."""
    symbol = params.symbol()
    params.done()

    def act(venue: "Venue", customer: Customer) -> list[Json]:
        venue.board(symbol)
        with venue.desk.settling() as now_ms:
            orders = venue.exchange.cancel_all(customer.name, symbol, now_ms)
        rows, shown = list[Json](), set[int]()
        for order in orders:
            one = venue.exchange.list_of(order)
            if one is None:
                rows.append(wire_orders.cancelled(order, new_client_id()))
            elif one.list_id not in shown:
                shown.add(one.list_id)
                rows.append(wire_orders.list_cancelled(one, new_client_id()))
        return rows

    return act


def replace(params: Params) -> Act[Json]:
    """Cancel an order and place another."""
    wish = read_order(params)
    mode = params.choice(
        "cancelReplaceMode", ("STOP_ON_FAILURE", "ALLOW_FAILURE"), -1102, "Invalid cancelReplaceMode."
    )  # fmt: skip
    if mode is None:
        params.text("cancelReplaceMode")
    order_id, client_id = params.whole("cancelOrderId"), params.client_id("cancelOrigClientOrderId")
    if order_id is None and client_id is None:
        raise ApiError(
            -1102, "Param 'cancelOrigClientOrderId' or 'cancelOrderId' must be sent, but both were empty/null!"
        )
    cancel_id = params.client_id("cancelNewClientOrderId") or new_client_id()
    restriction = read_restriction(params)
    when_full = params.choice(
        "orderRateLimitExceededMode", ("DO_NOTHING", "CANCEL_ONLY"),)  # fmt: skip
    reply = read_reply(params, wish.type)
    params.done()

    def act(venue: "Venue", customer: Customer) -> Json:
        venue.board(wish.symbol)
        venue.check_groups(customer, wish.symbol)
        if not venue.instruments[wish.symbol].replace_allowed:
            raise Refused(-2010, "Cancel-replace orders are not supported for this symbol.")
        venue.exchange.check(customer.name, wish, venue.now_ms)
        full: ApiError | None = None
        try:
            venue.order_count(customer.name).add(venue.wall_ms)
        except ApiError as error:
            if when_full != "CANCEL_ONLY":
                raise
            full = error
        with venue.desk.settling() as now_ms:
            try:
                gone: RestingOrder | Refused = venue.exchange.cancel(
                    customer.name, wish.symbol, now_ms=now_ms, order_id=order_id,
                    client_order_id=client_id, restriction=restriction, request_id=cancel_id,
                )  # fmt: skip
            except Refused as refusal:
                gone = refusal
            placed: RestingOrder | Refused | ApiError | None = None
            if not isinstance(gone, Refused) or mode == "ALLOW_FAILURE":
                try:
                    placed = full or venue.exchange.submit(customer.name, wish, now_ms)
                except Refused as refusal:
                    placed = refusal
        group = venue.exchange.trade_group(customer.name)
        return _halves(gone, placed, cancel_id, reply, group, is_full=full is not None, stops=mode != "ALLOW_FAILURE")

    return act


def _halves(
    gone: RestingOrder | Refused, placed: RestingOrder | Refused | ApiError | None, cancel_id: str, reply: str,
    group: int,
    *, is_full: bool, stops: bool,
) -> Json:  # fmt: skip
    """Give both halves of a replacement, as a refusal unless both went well."""
    is_gone, is_placed = isinstance(gone, RestingOrder), isinstance(placed, RestingOrder)
    data: Json = {
        "cancelResult": "SUCCESS" if is_gone else "FAILURE",
        "newOrderResult": "NOT_ATTEMPTED" if placed is None else "SUCCESS" if is_placed else "FAILURE",
        "cancelResponse": wire_orders.cancelled(gone, cancel_id) if isinstance(gone, RestingOrder) else _fault(gone),
        "newOrderResponse": (
            None if placed is None else wire_orders.placed(placed, reply, group) if isinstance(placed, RestingOrder)
            else _fault(placed)
        ),
    }  # fmt: skip
    if is_gone and is_placed:
        return data
    if not is_gone and not is_placed:
        status = 429 if is_full and stops else 400
        raise ApiError(-2022, "Order cancel-replace failed.", status, data=data, data_on_rest=True)
    status = 429 if is_full and stops else 409
    raise ApiError(-2021, "Order cancel-replace partially failed.", status, data=data, data_on_rest=True)


def _fault(refusal: Refused | ApiError) -> Json:
    return {"code": refusal.code, "msg": refusal.message}


def amend(params: Params) -> Act[Json]:
    """Make an order smaller; it keeps its place in line."""
    find = read_reference(params, mismatch=-2039)
    quantity = demand(params, "newQty")
    new_id = params.client_id("newClientOrderId") or new_client_id()
    params.done()

    def act(venue: "Venue", customer: Customer) -> Json:
        order = find(venue, customer)
        if order is None or not order.is_open:
            raise ApiError(_NO_SUCH_ORDER, "Order does not exist.")
        old_id = order.client_order_id
        with venue.desk.settling() as now_ms:
            venue.exchange.amend(
                customer.name, order.symbol, quantity, now_ms=now_ms, order_id=order.order_id,
                new_client_order_id=new_id,
            )  # fmt: skip
        return wire_orders.amended(order, old_id, venue.desk.executions, venue.exchange.list_of(order))

    return act


def amendments(params: Params) -> Act[list[Json]]:
    """Give every amendment of an order."""
    symbol, order_id = params.symbol(), params.whole("orderId")
    if order_id is None:
        params.text("orderId")
    first, limit = params.whole("fromExecutionId") or 0, params.limit(500, 1_000)
    params.done()

    def act(venue: "Venue", customer: Customer) -> list[Json]:
        venue.board(symbol)
        order = venue.exchange.order(customer.name, symbol, order_id=order_id)
        rows = enumerate(order.amendments, 1)
        return [wire_orders.amendment_row(order, change, number) for number, change in rows if number >= first][:limit]

    return act


def read_reference(params: Params, mismatch: int) -> Find:
    """Read which order is meant: by id, else by client id; both have to belong together."""
    symbol, order_id = params.symbol(), params.whole("orderId")
    client_id = params.client_id("origClientOrderId")
    if order_id is None and client_id is None:
        raise ApiError(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")

    def find(venue: "Venue", customer: Customer) -> RestingOrder | None:
        venue.board(symbol)
        try:
            if order_id is None:
                return venue.exchange.order(customer.name, symbol, client_order_id=client_id)
            found = venue.exchange.order(customer.name, symbol, order_id=order_id)
        except Refused as refusal:
            if refusal.code == _NO_SUCH_ORDER:
                return None
            raise
        if client_id not in {None, found.client_order_id}:
            raise ApiError(mismatch, _MISMATCHES[mismatch])
        return found

    return find


def read_restriction(params: Params) -> Restriction | None:
    """Read in which state only an order may be cancelled."""
    value = params.choice("cancelRestrictions", _RESTRICTIONS, -1145, "Invalid cancelRestrictions")
    return None if value is None else _RESTRICTIONS[value]


def _test_weight(params: Params) -> int:
    return 20 if params.peek("computeCommissionRates") == "true" else 1


PLACE = Signed(place, 1, is_order=True, is_free=True, needs="trade")
TEST = Signed(test, _test_weight, needs="trade")
PLACE_ROUTED = Signed(place_routed, 1, is_order=True, is_free=True, needs="trade")
PLACE_ROUTED_BY_SOCKET = Signed(place_routed_by_socket, 1, is_order=True, is_free=True, needs="trade")
TEST_ROUTED = Signed(test_routed, _test_weight, needs="trade")
QUERY = Signed(query, 4)
CANCEL = Signed(cancel, 1, is_order=True, is_free=True, needs="trade")
CANCEL_ALL = Signed(cancel_all, 1, is_order=True, is_free=True, needs="trade")
REPLACE = Signed(replace, 1, is_order=True, is_free=True, needs="trade")
AMEND = Signed(amend, 4, is_order=True, needs="trade")
AMENDMENTS = Signed(amendments, 4)
