"""What a customer may ask of the account: orders, fills, balances, fees, filters, restrictions of the key."""

from typing import TYPE_CHECKING, Any

from bot.domain.order import Fill
from bot.emulator.gateway import Signed
from bot.emulator.keys import Customer
from bot.emulator.params import Params
from bot.emulator.refusals import ApiError, bad_combination
from bot.emulator.spot import rules, wire_orders
from bot.emulator.spot.order_calls import Act
from bot.emulator.wire import Json
from bot.simulation.exchange import Refused

if TYPE_CHECKING:
    from bot.emulator.spot.venue import Venue

_DAY_MS = 86_400_000


def open_orders(params: Params) -> Act[list[Json]]:
    """Give the open orders of a symbol or of all."""
    symbol = params.symbol() if params.peek("symbol") is not None else None
    params.done()

    def act(venue: "Venue", customer: Customer) -> list[Json]:
        return [wire_orders.queried(order) for order in venue.exchange.open_orders(customer.name, symbol)]

    return act


def all_orders(params: Params) -> Act[list[Json]]:
    """Give every order of a symbol: the newest, those from an id on, or those of a time range."""
    symbol, limit, from_id = params.symbol(), params.limit(500, 1_000), params.whole("orderId")
    start, end = _range(params)
    params.done()

    def act(venue: "Venue", customer: Customer) -> list[Json]:
        orders = [
            order
            for order in venue.exchange.orders(customer.name, symbol)
            if (from_id is None or order.order_id >= from_id) and _within(order.created_ms, start, end)
        ]
        chosen = orders[-limit:] if from_id is None and start is None else orders[:limit]
        return [wire_orders.queried(order) for order in chosen]

    return act


def my_trades(params: Params) -> Act[list[Json]]:
    """Give the customer's fills of a symbol: the newest, those from an id on, or those of a time range."""
    symbol, limit, order_id = params.symbol(), params.limit(500, 1_000), params.whole("orderId")
    from_id = params.whole("fromId")
    start, end = _range(params)
    if (from_id is not None or order_id is not None) and (start is not None or end is not None):
        raise bad_combination()
    params.done()

    def is_wanted(fill: Fill) -> bool:
        return (
            (order_id is None or fill.exchange_order_id == order_id)
            and (from_id is None or fill.trade_id >= from_id)
            and _within(fill.time_ms, start, end)
        )

    def act(venue: "Venue", customer: Customer) -> list[Json]:
        fills = [fill for fill in venue.exchange.fills(customer.name, symbol) if is_wanted(fill)]
        chosen = fills[-limit:] if from_id is None and start is None else fills[:limit]
        return [wire_orders.my_trade(fill, _list_of(venue, customer, fill)) for fill in chosen]

    return act


def prevented(params: Params) -> Act[list[Json]]:
    """Give the trades with itself that the account was kept from."""
    symbol, match_id, order_id = params.symbol(), params.whole("preventedMatchId"), params.whole("orderId")
    first, limit = params.whole("fromPreventedMatchId"), params.limit(500, 1_000)
    if match_id is None and order_id is None:
        raise bad_combination()
    params.done()

    def act(venue: "Venue", customer: Customer) -> list[Json]:
        venue.board(symbol)
        rows = [
            wire_orders.prevented_row(one)
            for one in venue.exchange.prevented(customer.name, symbol)
            if match_id in {None, one.match_id}
            and order_id in {None, one.taker_order_id, one.maker_order_id}
            and (first is None or one.match_id >= first)
        ]
        return rows[:limit]

    return act


def allocations(params: Params) -> Act[list[Json]]:
    """Give what smart order routing allocated: the newest, those from an id on, or those of a time range."""
    symbol, limit, order_id = params.symbol(), params.limit(500, 1_000), params.whole("orderId")
    from_id = params.whole("fromAllocationId")
    start, end = _range(params)
    if from_id is not None and (start is not None or end is not None):
        raise bad_combination()
    params.done()

    def act(venue: "Venue", customer: Customer) -> list[Json]:
        rows = [
            one
            for one in venue.exchange.allocations(customer.name, symbol)
            if (order_id is None or one.exchange_order_id == order_id)
            and (from_id is None or one.allocation_id >= from_id)
            and _within(one.time_ms, start, end)
        ]
        chosen = rows[-limit:] if from_id is None and start is None else rows[:limit]
        return [wire_orders.allocation_row(one) for one in chosen]

    return act


def account(params: Params) -> Act[Json]:
    """Give balances, fees and permissions."""
    only_held = params.flag("omitZeroBalances")
    params.done()

    def act(venue: "Venue", customer: Customer) -> Json:
        held = venue.exchange.balances(customer.name)
        if only_held:
            held = {asset: balance for asset, balance in held.items() if balance.total}
        return wire_orders.account(
            held, venue.fees(customer.name), venue.groups[customer.name], venue.now_ms, customer.uid,
            venue.exchange.trade_group(customer.name), can_trade="trade" in customer.permissions,
            can_withdraw="withdraw" in customer.permissions,
        )  # fmt: skip

    return act


def commission(params: Params) -> Act[Json]:
    """Give the customer's fees on a symbol."""
    symbol = params.symbol()
    params.done()

    def act(venue: "Venue", customer: Customer) -> Json:
        venue.board(symbol)
        return wire_orders.commission(symbol, venue.fees(customer.name, symbol))

    return act


def order_counts(params: Params) -> Act[list[Json]]:
    """Give the unfilled order counts."""
    params.done()
    return lambda venue, customer: venue.order_count(customer.name).rows(venue.wall_ms)


def my_filters(params: Params) -> Act[Json]:
    """Give every filter that orders of this account on a symbol are held to."""
    symbol = params.symbol()
    params.done()

    def act(venue: "Venue", _: Customer) -> Json:
        venue.board(symbol)
        return {"exchangeFilters": [], "symbolFilters": rules.filters(venue.instruments[symbol]), "assetFilters": []}

    return act


def restrictions(params: Params) -> Act[Any]:
    """Give what the key may do."""
    params.done()
    return lambda _, customer: customer.restrictions()


def nothing(params: Params) -> Act[list[Json]]:
    """Answer with an empty list: what clients load with keys, and nothing here depends on."""
    for name in list(params.values):
        params.maybe(name)
    return lambda _, __: []


def trade_fees(params: Params) -> Act[list[Json]]:
    """Give the fees of a symbol or of all, in the wallet service's form."""
    symbol = params.symbol() if params.peek("symbol") is not None else None
    params.done()

    def act(venue: "Venue", customer: Customer) -> list[Json]:
        rows = []
        for one in venue.instruments if symbol is None else [venue.board(symbol).symbol]:
            rates = venue.fees(customer.name, one).standard
            rows.append({"symbol": one, "makerCommission": str(rates.maker), "takerCommission": str(rates.taker)})
        return rows

    return act


def _list_of(venue: "Venue", customer: Customer, fill: Fill) -> int:
    """Give the list that a fill's order belongs to; -1 for none, or when the order is forgotten."""
    try:
        return venue.exchange.order(customer.name, fill.symbol, order_id=fill.exchange_order_id).list_id
    except Refused:
        return -1


def _range(params: Params) -> tuple[int | None, int | None]:
    """Read a time range of at most a day."""
    start, end = params.whole("startTime"), params.whole("endTime")
    if start is not None and end is not None and end - start > _DAY_MS:
        raise ApiError(-1127, "More than 24 hours between startTime and endTime.")
    return start, end


def _within(time_ms: int, start: int | None, end: int | None) -> bool:
    return (start is None or time_ms >= start) and (end is None or time_ms <= end)


OPEN_ORDERS = Signed(open_orders, lambda params: 6 if params.peek("symbol") else 80)
ALL_ORDERS = Signed(all_orders, 20)
MY_TRADES = Signed(my_trades, lambda params: 5 if params.peek("orderId") else 20)
PREVENTED = Signed(prevented, lambda params: 2 if params.peek("preventedMatchId") else 20)
ALLOCATIONS = Signed(allocations, 20)
ACCOUNT = Signed(account, 20)
COMMISSION = Signed(commission, 20)
ORDER_COUNTS = Signed(order_counts, 40)
MY_FILTERS = Signed(my_filters, 40)
RESTRICTIONS = Signed(restrictions, 1)
NOTHING = Signed(nothing, 1)
TRADE_FEES = Signed(trade_fees, 1)
