"""Cancels every open order of an account on one market, whoever placed it: what is left to do when all else stopped."""

import asyncio
from contextlib import suppress

import structlog

from bot.binance import futures, spot
from bot.binance.client import Client
from bot.binance.endpoints import Endpoint
from bot.binance.wire_requests import OfAnySymbol, OfSymbol
from bot.domain.errors import BotError, Rejected
from bot.domain.market import Market
from bot.ports import Clock, Swept

log = structlog.get_logger()

ROUNDS = 5
PAUSE_S = 0.25
AT_ONCE = 10

_Ids = frozenset[tuple[str, str, int]]


async def cancel_all(client: Client, clock: Clock) -> Swept:
    """Cancel until none is open, or several rounds did not help. Raises what the last look at the orders raises."""
    seen = found = await _open_orders(client)
    for attempt in range(ROUNDS):
        if not found:
            break
        if attempt:
            await clock.sleep(PAUSE_S)
        await _cancel(client, found)
        found = await _open_orders(client)
        seen |= found
    return Swept(len(seen - found), len(found))


async def _open_orders(client: Client) -> _Ids:
    everything = OfAnySymbol()
    if client.hosts.market is Market.SPOT:
        found = await client.call(spot.OPEN_ORDERS, everything)
        return frozenset((each.symbol, "order", each.orderId) for each in found)
    orders, algos = await asyncio.gather(
        client.call(futures.OPEN_ORDERS, everything), client.call(futures.OPEN_ALGOS, everything)
    )
    return frozenset(
        [(each.symbol, "order", each.orderId) for each in orders]
        + [(each.symbol, "algo", each.algoId) for each in algos]
    )


async def _cancel(client: Client, found: _Ids) -> None:
    """Ask once for each symbol and kind. What is refused or unanswered shows at the next look."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def ask[R](endpoint: Endpoint[OfSymbol, R], symbol: str) -> None:
        try:
            async with gate:
                with suppress(Rejected):  # it ended a moment before
                    await client.call(endpoint, OfSymbol(symbol=symbol))
        except BotError as error:
            log.warning("orders.not_cancelled", symbol=symbol, reason=str(error))

    async with asyncio.TaskGroup() as group:
        for symbol, kind in {(symbol, kind) for symbol, kind, _ in found}:
            if client.hosts.market is Market.SPOT:
                group.create_task(ask(spot.CANCEL_ALL, symbol))
            else:
                group.create_task(ask(futures.CANCEL_ALL if kind == "order" else futures.CANCEL_ALL_ALGOS, symbol))
