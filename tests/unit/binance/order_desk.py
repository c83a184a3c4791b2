"""A broker at the fake Binance, and what the exchange says to it: for the tests of orders."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any

from aiohttp import web
from fake_binance import Answer, FakeBinance
from tests.fakes.looker import Looker

from bot.binance.client import SpotClient, build_public
from bot.binance.clock import ExchangeClock
from bot.binance.execution import SpotBroker
from bot.binance.following import Patience
from bot.binance.limits import WeightBank
from bot.binance.rest import Rest
from bot.binance.signing import Credentials
from bot.binance.streams import Pace
from bot.domain.messages import OrderUpdate, PlaceOrder
from bot.domain.money import Quantity
from bot.domain.order import Fill, Order, OrderStatus, OrderType, Side
from bot.ports import OpenOrder

CREDENTIALS = Credentials("the-key", "the-secret")
PLACE_LIST = "POST /api/v3/orderList/oco"
SERVER_MS = 1_790_000_000_123
HASTE = Patience(fence_ms=150, poll_first_s=0.01, poll_max_s=0.02, stop_s=0.05)
PACE = Pace(retry_first_s=0.01, retry_max_s=0.02)
PLACE, QUERY, CANCEL, TRADES = "POST /api/v3/order", "GET /api/v3/order", "DELETE /api/v3/order", "GET /api/v3/myTrades"


def says(body: object, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=status, headers=headers)

    return answer


def refuses(code: int, message: str, status: int = 400) -> Answer:
    return says({"code": code, "msg": message}, status)


async def hangs_up(request: web.Request) -> web.StreamResponse:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def never(_request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(30)
    return web.Response()


async def babbles(_request: web.Request) -> web.StreamResponse:
    return web.Response(text='{"symbol":"BTCUSDT","orderId":')


def order_reply(status: str = "FILLED", executed: str = "0.015", **more: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT", "orderId": 9001, "orderListId": -1, "clientOrderId": "o-1", "transactTime": SERVER_MS,
        "price": "0", "origQty": "0.015", "executedQty": executed, "cummulativeQuoteQty": "918.7575", "status": status,
        "timeInForce": "GTC", "type": "MARKET", "side": "BUY", "aNewField": {"x": 1}, **more,
    }  # fmt: skip


FILL = {"price": "61250.50", "qty": "0.01500000", "commission": "0.00001500", "commissionAsset": "BTC", "tradeId": 771}
TRADE = {
    "symbol": "BTCUSDT", "id": 771, "orderId": 9001, "price": "61250.50", "qty": "0.01500000", "quoteQty": "918.75",
    "commission": "0.00001500", "commissionAsset": "BTC", "time": SERVER_MS, "isBuyer": True, "isMaker": False,
}  # fmt: skip


def report(execution: str, status: str, **more: Any) -> dict[str, Any]:
    return {
        "e": "executionReport", "E": SERVER_MS, "s": "BTCUSDT", "c": "o-1", "S": "BUY", "o": "MARKET", "f": "GTC",
        "q": "0.015", "p": "0", "x": execution, "X": status, "r": "NONE", "i": 9001, "l": "0", "z": "0", "L": "0",
        "n": "0", "N": None, "T": SERVER_MS, "t": -1, "w": False, "m": False, "O": SERVER_MS, "Z": "0", "C": "", **more,
    }  # fmt: skip


def an_order(**more: Any) -> Order:
    values: dict[str, Any] = {
        "client_order_id": "o-1", "strategy_id": 1, "symbol": "BTCUSDT", "side": Side.BUY, "type": OrderType.MARKET,
        "quantity": Quantity(Decimal("0.01500")), "created_ms": SERVER_MS, **more,
    }  # fmt: skip
    return Order(**values)


class Desk:
    """A broker with what it delivered."""

    def __init__(self, binance: FakeBinance, broker: SpotBroker) -> None:
        self.binance = binance
        self.broker = broker
        self.events: list[object] = []
        self.looker = Looker(broker)

    async def open(self, *open_orders: OpenOrder) -> None:
        await self.broker.start(self.events.append, open_orders, None, self.looker)
        await self.looker.look()

    @property
    def statuses(self) -> list[OrderStatus]:
        return [event.status for event in self.events if isinstance(event, OrderUpdate)]

    @property
    def fills(self) -> list[Fill]:
        return [event for event in self.events if isinstance(event, Fill)]

    @property
    def last(self) -> OrderUpdate:
        return [event for event in self.events if isinstance(event, OrderUpdate)][-1]

    async def place(self, order: Order | None = None) -> None:
        await self.broker.execute(PlaceOrder(order or an_order()))


@asynccontextmanager
async def a_desk(binance: FakeBinance, answer_s: float) -> AsyncIterator[Desk]:
    """Give the desk of an account with some money, not yet open."""
    balances = [
        {"asset": "USDT", "free": "1500.25000000", "locked": "250.00000000"},
        {"asset": "BTC", "free": "0.00000000", "locked": "0.00000000"},
    ]
    binance.answers["GET /api/v3/account"] = says({"balances": balances, "canTrade": True})
    public = build_public(binance.hosts)
    clock = ExchangeClock(public.time_ms, looks=2)
    bank = WeightBank()
    sender = Rest(binance.hosts, bank, clock=clock, credentials=CREDENTIALS, order_timeout_s=answer_s)
    client = SpotClient(binance.hosts, sender)
    broker = SpotBroker(client, CREDENTIALS, clock, patience=HASTE, pace=PACE)
    made = Desk(binance, broker)
    yield made
    await made.looker.close()
    await broker.stop()
    await client.close()
    await public.close()


def the_list(status: str) -> dict[str, Any]:
    """Give the list as placing it and cancelling one of its legs are answered."""
    legs = [
        order_reply(status, "0", orderId=9001 + number, orderListId=7, clientOrderId=name, side="SELL")
        for number, name in enumerate(("o-1", "o-2"))
    ]
    if status == "CANCELED":
        legs = [{**leg, "clientOrderId": "cancel-9", "origClientOrderId": leg["clientOrderId"]} for leg in legs]
    return {
        "orderListId": 7, "contingencyType": "OCO", "listStatusType": "ALL_DONE", "listOrderStatus": "ALL_DONE",
        "listClientOrderId": "list", "transactionTime": SERVER_MS, "symbol": "BTCUSDT",
        "orders": [{"symbol": "BTCUSDT", "orderId": leg["orderId"], "clientOrderId": leg["clientOrderId"]} for leg in legs],
        "orderReports": legs,
    }  # fmt: skip
