"""Cancels the open orders of an account on one market, whoever placed them: what is left to do when all else stopped.

The stops that guard what our strategies hold stay, unless everything has to go. They are known by what the exchange
shows alone, since neither a bot nor a database may be there: our form of client order id, the side that closes, and a
kind that waits for the price to become worse. Of a pair (OCO) with such a stop both orders stay.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple

import structlog
from msgspec import Struct

from bot.binance import futures, spot
from bot.binance import wire_new_futures as new_futures
from bot.binance.client import Client
from bot.binance.endpoints import Endpoint
from bot.binance.wire_futures import AlgoOrder
from bot.binance.wire_new_spot import CancelRequest
from bot.binance.wire_orders import OrderReply
from bot.binance.wire_requests import OfAnySymbol, OfOrder, OfSymbol
from bot.domain.errors import BotError, Rejected
from bot.domain.market import Market
from bot.engine.ids import is_ours
from bot.ports import Clock, Swept

log = structlog.get_logger()

ROUNDS = 5
PAUSE_S = 0.25
AT_ONCE = 10
SPOT_STOPS = {"STOP_LOSS", "STOP_LOSS_LIMIT"}
FUTURES_STOPS = {"STOP_MARKET", "STOP", "TRAILING_STOP_MARKET"}


class _Row(NamedTuple):
    """An open order, in short."""

    symbol: str
    id: int
    is_algo: bool = False
    is_guard: bool = False


async def cancel_all(client: Client, clock: Clock, *, everything: bool = False) -> Swept:
    """Cancel until none is open, or several rounds did not help. Raises what the last look at the orders raises."""
    seen: set[_Row] = set()
    kept: set[_Row] = set()
    found: set[_Row] = set()
    for attempt in range(ROUNDS + 1):
        rows = await _open_orders(client)
        kept = set() if everything else {each for each in rows if each.is_guard}
        found = rows - kept
        seen |= found
        if not found or attempt == ROUNDS:
            break
        if attempt:
            await clock.sleep(PAUSE_S)
        await _cancel(client, found, kept)
    return Swept(len(seen - found), len(found), len(kept))


async def _open_orders(client: Client) -> set[_Row]:
    of_all = OfAnySymbol()
    if client.hosts.market is Market.SPOT:
        return set(_spot_rows(await client.call(spot.OPEN_ORDERS, of_all)))
    orders, algos = await asyncio.gather(
        client.call(futures.OPEN_ORDERS, of_all), client.call(futures.OPEN_ALGOS, of_all)
    )
    rows = {_Row(each.symbol, each.orderId) for each in orders}
    return rows | {_Row(each.symbol, each.algoId, is_algo=True, is_guard=_guards_contract(each)) for each in algos}


def _spot_rows(orders: Iterable[OrderReply]) -> Iterable[_Row]:
    told = list(orders)
    pairs = {each.orderListId for each in told if _guards(each)} - {-1}
    for each in told:
        yield _Row(each.symbol, each.orderId, is_guard=_guards(each) or each.orderListId in pairs)


def _guards(order: OrderReply) -> bool:
    return is_ours(order.clientOrderId) and order.side == "SELL" and order.type in SPOT_STOPS


def _guards_contract(order: AlgoOrder) -> bool:
    is_closing = order.reduceOnly or order.closePosition
    return is_ours(order.clientAlgoId) and is_closing and order.orderType in FUTURES_STOPS


async def _cancel(client: Client, found: set[_Row], kept: set[_Row]) -> None:
    """Ask once for each symbol and kind, or for each order where one stays. What is refused shows at the next look."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def ask[Q: Struct, R](endpoint: Endpoint[Q, R], request: Q, symbol: str) -> None:
        try:
            async with gate:
                with suppress(Rejected):  # it ended a moment before
                    await client.call(endpoint, request)
        except BotError as error:
            log.warning("orders.not_cancelled", symbol=symbol, reason=str(error))

    guarded = {(each.symbol, each.is_algo) for each in kept}
    singles = [each for each in found if (each.symbol, each.is_algo) in guarded]
    is_spot = client.hosts.market is Market.SPOT
    async with asyncio.TaskGroup() as group:
        for symbol, is_algo in {(each.symbol, each.is_algo) for each in found} - guarded:
            if is_spot:
                group.create_task(ask(spot.CANCEL_ALL, OfSymbol(symbol=symbol), symbol))
            else:
                every = futures.CANCEL_ALL_ALGOS if is_algo else futures.CANCEL_ALL
                group.create_task(ask(every, OfSymbol(symbol=symbol), symbol))
        for symbol, order_id, is_algo, _ in singles:
            if is_algo:
                group.create_task(ask(futures.CANCEL_ALGO, new_futures.OfAlgo(algoId=order_id), symbol))
            elif is_spot:
                group.create_task(ask(spot.CANCEL_ORDER, CancelRequest(symbol=symbol, orderId=order_id), symbol))
            else:
                group.create_task(ask(futures.CANCEL_ORDER, OfOrder(symbol=symbol, orderId=order_id), symbol))
