"""What a customer may ask of the exchange: orders, fills, balances, fees."""

from collections.abc import Callable

from bot.domain.order import Fill, OrderType, Side, TimeInForce
from bot.emulator import wire, wire_orders
from bot.emulator.desk import Wish, new_client_id
from bot.emulator.faults import ApiError, bad_request
from bot.emulator.gateway import CustomerAct, Signed
from bot.emulator.params import Params, known
from bot.emulator.venue import Customer, Venue
from bot.simulation.exchange import Refused, RestingOrder

_STP_MODES = ("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH")
_UNSUPPORTED_TYPES = ("STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
_STRATEGY_TYPE_MIN = 1_000_000
_NO_SUCH_ORDER = -2013
_LATER = ("stopPrice", "trailingDelta", "icebergQty")


def _read_wish(params: Params) -> Wish:
    """Read a new order; what depends on the symbol is checked at the desk."""
    symbol, side = params.symbol(), params.text("side")
    kind = params.text("type")
    if side not in set(Side):
        raise ApiError(-1117, "Invalid side.")
    if kind not in {*OrderType, *_UNSUPPORTED_TYPES}:
        raise ApiError(-1116, "Invalid orderType.")
    in_force = params.choice("timeInForce", set(TimeInForce), ApiError(-1115, "Invalid timeInForce."))
    stp = params.choice(
        "selfTradePreventionMode", _STP_MODES,
        ApiError(-1013, "This symbol does not allow the specified self-trade prevention mode."),
    )  # fmt: skip
    strategy_type = params.whole("strategyType")
    if strategy_type is not None and strategy_type < _STRATEGY_TYPE_MIN:
        raise ApiError(-1134, "strategyType was less than 1000000.")
    params.whole("strategyId")
    quantity, quote = params.amount("quantity"), params.amount("quoteOrderQty")
    price, client_id = params.amount("price"), params.client_id("newClientOrderId")
    extras = [name for name in _LATER if params.maybe(name) is not None]
    if kind in _UNSUPPORTED_TYPES:
        raise ApiError(-2010, f"{kind} orders are not supported for this symbol.")
    if extras:
        raise ApiError(-1106, f"Parameter '{extras[0]}' sent when not required.")
    return Wish(
        symbol, Side(side), OrderType(kind), client_id or new_client_id(),
        TimeInForce(in_force) if in_force else None, quantity, quote, price, stp or wire_orders.DEFAULT_STP,
    )  # fmt: skip


def place(params: Params) -> CustomerAct:
    """Place an order."""
    wish = _read_wish(params)
    wanted = params.choice("newOrderRespType", ("ACK", "RESULT", "FULL"), bad_request("newOrderRespType"))
    reply = wanted or ("ACK" if wish.type is OrderType.LIMIT_MAKER else "FULL")
    params.done()

    def act(venue: Venue, customer: Customer) -> wire.Json:
        order = venue.desk.place(customer.name, wish, now_ms=venue.now_ms, wall_ms=venue.wall_ms)
        return wire_orders.placed(order, reply, wish.stp)

    return act


def test(params: Params) -> CustomerAct:
    """Check an order without placing it."""
    wish = _read_wish(params)
    with_fees = params.maybe("computeCommissionRates") == "true"
    params.maybe("newOrderRespType")
    params.done()

    def act(venue: Venue, _: Customer) -> wire.Json:
        venue.desk.check(wish)
        if not with_fees:
            return {}
        fees = wire_orders.commission(wish.symbol, venue.config.maker_fee, venue.config.taker_fee)
        return {
            "standardCommissionForOrder": _maker_taker(fees["standardCommission"]),
            "specialCommissionForOrder": _maker_taker(fees["specialCommission"]),
            "taxCommissionForOrder": _maker_taker(fees["taxCommission"]),
            "discount": fees["discount"],
        }

    return act


def query(params: Params) -> CustomerAct:
    """Give one order."""
    find = _read_reference(params, mismatch=-2039)
    params.done()

    def act(venue: Venue, customer: Customer) -> wire.Json:
        order = find(venue, customer)
        if order is None:
            raise ApiError(-2013, "Order does not exist.")
        return wire_orders.queried(order, venue.desk.stp_of(order))

    return act


def cancel(params: Params) -> CustomerAct:
    """Cancel one order."""
    find = _read_reference(params, mismatch=-2011)
    cancel_id = params.client_id("newClientOrderId") or new_client_id()
    restriction = params.choice(
        "cancelRestrictions", ("ONLY_NEW", "ONLY_PARTIALLY_FILLED"), ApiError(-1145, "Invalid cancelRestrictions")
    )  # fmt: skip
    params.done()

    def act(venue: Venue, customer: Customer) -> wire.Json:
        order = find(venue, customer)
        if order is None or not order.is_open:
            raise ApiError(-2011, "Unknown order sent.")
        if restriction and restriction != f"ONLY_{order.status}":
            raise ApiError(-2011, "Order was not canceled due to cancel restrictions.")
        return _cancel(venue, customer, order, cancel_id)

    return act


def cancel_all(params: Params) -> CustomerAct:
    """Cancel every open order of a symbol."""
    symbol = params.symbol()
    params.done()

    def act(venue: Venue, customer: Customer) -> list[wire.Json]:
        orders = venue.exchange.open_orders(customer.name, known(symbol, venue.instruments))
        if not orders:
            raise ApiError(-2011, "Unknown order sent.")
        return [_cancel(venue, customer, order, new_client_id()) for order in orders]

    return act


def open_orders(params: Params) -> CustomerAct:
    """Give the open orders of a symbol or of all."""
    symbol = params.symbol() if params.peek("symbol") is not None else None
    params.done()
    return lambda venue, customer: [
        wire_orders.queried(order, venue.desk.stp_of(order))
        for order in venue.exchange.open_orders(customer.name, symbol)
    ]


def all_orders(params: Params) -> CustomerAct:
    """Give every order of a symbol: the newest, those from an id on, or those of a time range."""
    symbol, limit, from_id = params.symbol(), params.limit(500, 1_000), params.whole("orderId")
    start, end = params.whole("startTime"), params.whole("endTime")
    params.done()

    def act(venue: Venue, customer: Customer) -> list[wire.Json]:
        orders = [
            order
            for order in venue.exchange.orders(customer.name, symbol)
            if (from_id is None or order.order_id >= from_id) and _within(order.created_ms, start, end)
        ]
        chosen = orders[-limit:] if from_id is None and start is None else orders[:limit]
        return [wire_orders.queried(order, venue.desk.stp_of(order)) for order in chosen]

    return act


def my_trades(params: Params) -> CustomerAct:
    """Give the customer's fills of a symbol: the newest, those from an id on, or those of a time range."""
    symbol, limit, order_id = params.symbol(), params.limit(500, 1_000), params.whole("orderId")
    from_id, start, end = params.whole("fromId"), params.whole("startTime"), params.whole("endTime")
    if from_id is not None and (start is not None or end is not None):
        raise ApiError(-1128, "Combination of optional parameters invalid.")
    params.done()

    def is_wanted(fill: Fill) -> bool:
        return (
            (order_id is None or fill.exchange_order_id == order_id)
            and (from_id is None or fill.trade_id >= from_id)
            and _within(fill.time_ms, start, end)
        )

    def act(venue: Venue, customer: Customer) -> list[wire.Json]:
        fills = [fill for fill in venue.exchange.fills(customer.name, symbol) if is_wanted(fill)]
        chosen = fills[-limit:] if from_id is None and start is None else fills[:limit]
        return [wire_orders.my_trade(fill) for fill in chosen]

    return act


def account(params: Params) -> CustomerAct:
    """Give balances, fees and permissions."""
    only_held = params.maybe("omitZeroBalances") == "true"
    params.done()

    def act(venue: Venue, customer: Customer) -> wire.Json:
        held = venue.exchange.balances(customer.name)
        if only_held:
            held = {asset: balance for asset, balance in held.items() if balance.total}
        config = venue.config
        return wire_orders.account(held, config.maker_fee, config.taker_fee, venue.now_ms, customer.uid)

    return act


def commission(params: Params) -> CustomerAct:
    """Give the customer's fees on a symbol."""
    symbol = params.symbol()
    params.done()
    return lambda venue, _: wire_orders.commission(
        known(symbol, venue.instruments), venue.config.maker_fee, venue.config.taker_fee
    )


def order_counts(params: Params) -> CustomerAct:
    """Give the unfilled order counts."""
    params.done()
    return lambda venue, customer: customer.orders.rows(venue.wall_ms)


def _read_reference(params: Params, mismatch: int) -> Callable[[Venue, Customer], RestingOrder | None]:
    """Read which order is meant: by id, else by client id; both have to belong together."""
    symbol, order_id = params.symbol(), params.whole("orderId")
    client_id = params.client_id("origClientOrderId")
    if order_id is None and client_id is None:
        raise ApiError(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")

    def find(venue: Venue, customer: Customer) -> RestingOrder | None:
        try:
            if order_id is None:
                return venue.exchange.order(customer.name, symbol, client_order_id=client_id)
            found = venue.exchange.order(customer.name, symbol, order_id=order_id)
        except Refused as refusal:
            if refusal.code == _NO_SUCH_ORDER:
                return None
            raise
        if client_id not in {None, found.client_order_id}:
            raise ApiError(mismatch, "Cancel order is invalid. Check origClOrdId and orderId.")
        return found

    return find


def _cancel(venue: Venue, customer: Customer, order: RestingOrder, cancel_id: str) -> wire.Json:
    done = venue.desk.cancel(
        customer.name, order.symbol, client_order_id=None, order_id=order.order_id, cancel_id=cancel_id,
        now_ms=venue.now_ms,
    )  # fmt: skip
    return wire_orders.cancelled(done, cancel_id, venue.desk.stp_of(done))


def _within(time_ms: int, start: int | None, end: int | None) -> bool:
    return (start is None or time_ms >= start) and (end is None or time_ms <= end)


def _maker_taker(fees: wire.Json) -> wire.Json:
    return {name: fees[name] for name in ("maker", "taker")}


def _test_weight(params: Params) -> int:
    return 20 if params.peek("computeCommissionRates") == "true" else 1


PLACE = Signed(place, 1, is_order=True)
TEST = Signed(test, _test_weight)
QUERY = Signed(query, 4)
CANCEL = Signed(cancel, 1, is_order=True)
CANCEL_ALL = Signed(cancel_all, 1, is_order=True)
OPEN_ORDERS = Signed(open_orders, lambda params: 6 if params.peek("symbol") else 80)
ALL_ORDERS = Signed(all_orders, 20)
MY_TRADES = Signed(my_trades, lambda params: 5 if params.peek("orderId") else 20)
ACCOUNT = Signed(account, 20)
COMMISSION = Signed(commission, 20)
ORDER_COUNTS = Signed(order_counts, 40)
