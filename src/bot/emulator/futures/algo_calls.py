"""Requests about conditional orders, which have had endpoints and ids of their own since December 2025."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bot.emulator.futures import reading, wire_orders
from bot.emulator.futures.public_calls import needs_one, span
from bot.emulator.gateway import Signed
from bot.emulator.keys import Customer
from bot.emulator.params import Params
from bot.emulator.wire import Json

if TYPE_CHECKING:
    from bot.emulator.futures.venue import FuturesVenue

type Act = Callable[["FuturesVenue", Customer], Any]


def place(params: Params) -> Act:
    """Place a conditional order."""
    request = reading.algo(params)
    params.done()

    def act(venue: "FuturesVenue", customer: Customer) -> Json:
        venue.order_count(customer.name).add(venue.wall_ms)
        with venue.desk.settling() as now_ms:
            algo = venue.exchange.place_algo(customer.name, request, now_ms=now_ms)
        return wire_orders.algo(algo, venue.shapes[algo.symbol])

    return act


def cancel(params: Params) -> Act:
    """Cancel a conditional order that has not fired."""
    algo_id, client_id = _named(params)
    params.done()

    def act(venue: "FuturesVenue", customer: Customer) -> Json:
        with venue.desk.settling() as now_ms:
            algo = venue.exchange.cancel_algo(customer.name, now_ms=now_ms, algo_id=algo_id, client_algo_id=client_id)
        return {"algoId": algo.algo_id, "clientAlgoId": algo.client_algo_id, "code": "200", "msg": "success"}

    return act


def cancel_all(params: Params) -> Act:
    """Cancel every conditional order of a symbol that has not fired."""
    symbol = params.symbol()
    params.done()

    def act(venue: "FuturesVenue", customer: Customer) -> Json:
        with venue.desk.settling() as now_ms:
            venue.exchange.cancel_all_algos(customer.name, symbol, now_ms=now_ms)
        return {"code": 200, "msg": "The operation of cancel all open order is done."}

    return act


def query(params: Params) -> Act:
    """Give a conditional order."""
    algo_id, client_id = _named(params)
    params.done()

    def act(venue: "FuturesVenue", customer: Customer) -> Json:
        algo = venue.exchange.algo(customer.name, algo_id=algo_id, client_algo_id=client_id)
        return wire_orders.asked_algo(algo, venue.shapes[algo.symbol])

    return act


def open_algos(params: Params) -> Act:
    """Give the conditional orders that have not fired."""
    symbol, algo_id = params.maybe("symbol"), params.whole("algoId")
    params.maybe("algoType")
    params.done()

    def act(venue: "FuturesVenue", customer: Customer) -> list[Json]:
        if symbol is not None:
            venue.board(symbol)
        return [
            wire_orders.asked_algo(one, venue.shapes[one.symbol])
            for one in venue.exchange.open_algos(customer.name, symbol)
            if algo_id in {None, one.algo_id}
        ]

    return act


def all_algos(params: Params) -> Act:
    """Give the conditional orders of a symbol, the newest of too many."""
    symbol, first_id, limit = params.symbol(), params.whole("algoId"), params.limit(500, 1_000)
    page = params.whole("page", smallest=1) or 1
    start, end = span(params)
    params.done()

    def act(venue: "FuturesVenue", customer: Customer) -> list[Json]:
        venue.board(symbol)
        found = [
            wire_orders.asked_algo(one, venue.shapes[symbol])
            for one in venue.exchange.algos(customer.name, symbol)
            if (first_id is None or one.algo_id >= first_id)
            and (start is None or one.created_ms >= start)
            and (end is None or one.created_ms <= end)
        ]
        last = len(found) - (page - 1) * limit
        return found[max(0, last - limit) : max(0, last)]

    return act


def _named(params: Params) -> tuple[int | None, str | None]:
    needs_one(params, "algoId", "clientAlgoId")
    # One well-known client names the symbol too, and gets its answer.
    params.maybe("symbol")
    return params.whole("algoId"), params.maybe("clientAlgoId")


def _open_weight(params: Params) -> int:
    return 1 if params.peek("symbol") else 40


PLACE = Signed(place, 0, is_order=True, needs="futures")
CANCEL = Signed(cancel, needs="futures")
CANCEL_ALL = Signed(cancel_all, needs="futures")
QUERY = Signed(query)
OPEN = Signed(open_algos, _open_weight)
ALL = Signed(all_algos, 5)
