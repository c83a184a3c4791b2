"""Every request of the futures table, by both paths, answered by the emulator and read by us."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from msgspec import Struct
from tests.fakes.futures_world import BTC, ETH, D, World, futures_world

from bot.binance import futures
from bot.binance import wire_new_futures as new
from bot.binance import wire_requests as ask
from bot.binance.client import OrderPath
from bot.binance.endpoints import Endpoint
from bot.binance.wire_requests import NOTHING
from bot.domain.errors import Rejected

ONE, ANY, ALL = ask.OfSymbol(symbol=BTC), ask.OfAnySymbol(symbol=BTC), ask.OfAnySymbol()
AMOUNT = D("0.010")


class Desk:
    """A sender of one path that notes what was asked of it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sender = world.closes(world.sender())
        self.asked: set[str] = set()

    async def call(self, endpoint: Endpoint[Any, Any], request: Struct) -> Any:
        reply = await self.sender.call(endpoint, request)
        self.asked.add(str(endpoint))
        return reply

    async def refuses(self, endpoint: Endpoint[Any, Any], request: Struct) -> int:
        with pytest.raises(Rejected) as caught:
            await self.sender.call(endpoint, request)
        return caught.value.code

    async def limit(self, share: str, **more: Any) -> Any:
        return await self.call(futures.PLACE_ORDER, self.an_order(share, **more))

    async def market(self, side: str = "BUY", **more: Any) -> Any:
        return await self.call(
            futures.PLACE_ORDER,
            new.NewFuturesOrder(
                symbol=BTC, side=side, type="MARKET", quantity=AMOUNT, newOrderRespType="RESULT", **more
            ),
        )

    def an_order(self, share: str, **more: Any) -> new.NewFuturesOrder:
        return new.NewFuturesOrder(
            symbol=BTC, side="BUY", type="LIMIT", timeInForce="GTC", quantity=AMOUNT, price=self.world.at(share), **more
        )


async def the_market_is_told(desk: Desk) -> None:
    info = await desk.call(futures.EXCHANGE_INFO, NOTHING)
    rules = info.instruments()[BTC]
    assert (rules.price.tick, rules.lot.step > 0, rules.notional.smallest > 0) == (D("0.1"), True, True)
    assert {each.window for each in info.rateLimits} == {"1m", "10s"}
    book = await desk.call(futures.DEPTH, ask.Newest(symbol=BTC, limit=5))
    assert (len(book.bids), len(book.asks), book.bids[0][0] < book.asks[0][0]) == (5, 5, True)
    assert book.T > 0
    best = await desk.call(futures.TICKER_BOOK, ANY)
    assert (best.bidPrice, best.askPrice) == (book.bids[0][0], book.asks[0][0])
    price = await desk.call(futures.TICKER_PRICE, ANY)
    assert price.price == desk.world.at("1")
    day = await desk.call(futures.TICKER_DAY, ANY)
    assert day.lowPrice <= day.lastPrice == price.price <= day.highPrice
    for table in (futures.TICKER_BOOK, futures.TICKER_PRICE, futures.TICKER_DAY, futures.PREMIUM_INDEX):
        assert {each.symbol for each in await desk.call(table, ALL)} == {BTC, ETH}
    mark = await desk.call(futures.PREMIUM_INDEX, ANY)
    assert abs(mark.markPrice / price.price - 1) < D("0.01")
    assert mark.nextFundingTime > mark.time
    assert (await desk.call(futures.OPEN_INTEREST, ONE)).openInterest >= 0


async def the_past_is_told(desk: Desk) -> None:
    last = ask.KlinesRequest(symbol=BTC, interval="1m", limit=3)
    pair = ask.PairKlinesRequest(pair=BTC, interval="1m", limit=3, contractType="PERPETUAL")
    index = ask.PairKlinesRequest(pair=BTC, interval="1m", limit=3)
    rows = await desk.call(futures.KLINES, last)
    assert [D(each.volume) > 0 for each in rows] == [True] * 3
    assert await desk.call(futures.CONTINUOUS_KLINES, pair) == rows
    for table, request in ((futures.MARK_PRICE_KLINES, last), (futures.INDEX_PRICE_KLINES, index)):
        assert [each.open_time for each in await desk.call(table, request)] == [each.open_time for each in rows]
    assert await desk.refuses(futures.KLINES, ask.KlinesRequest(symbol=BTC, interval="1s")) == -1120
    trades = await desk.call(futures.TRADES, ask.Newest(symbol=BTC, limit=2))
    assert trades[0].id < trades[1].id
    together = await desk.call(futures.AGG_TRADES, ask.Window(symbol=BTC, limit=2))
    assert together[1].l == trades[1].id
    funding = await desk.call(futures.FUNDING_RATE, ask.FundingRequest(symbol=BTC))
    assert [each.fundingTime % (8 * 3_600_000) for each in funding] == [0] * len(funding)
    assert funding
    assert await desk.call(futures.FUNDING_INFO, NOTHING) == []


async def orders_are_placed_changed_asked_for_and_cancelled(desk: Desk) -> None:
    checked = await desk.call(futures.TEST_ORDER, desk.an_order("0.97"))
    assert checked.code == 0
    filled = await desk.market()
    assert (filled.status, filled.executedQty) == ("FILLED", AMOUNT)
    resting = await desk.limit("0.97")
    changed = await desk.call(
        futures.MODIFY_ORDER,
        new.ModifyOrder(symbol=BTC, side="BUY", quantity=AMOUNT, price=desk.world.at("0.96"), orderId=resting.orderId),
    )
    assert (changed.orderId, changed.price) == (resting.orderId, desk.world.at("0.96"))
    this = ask.OfOrder(symbol=BTC, orderId=resting.orderId)
    (noted,) = await desk.call(futures.AMENDMENTS, this)
    assert (noted.amendment.price.before, noted.amendment.price.after) == (resting.price, changed.price)
    assert (await desk.call(futures.OPEN_ORDER, this)).status == "NEW"
    assert (await desk.call(futures.ORDER, ask.OfOrder(symbol=BTC, orderId=filled.orderId))).avgPrice > 0
    assert [each.orderId for each in await desk.call(futures.OPEN_ORDERS, ALL)] == [resting.orderId]
    assert (await desk.call(futures.CANCEL_ORDER, this)).status == "CANCELED"
    assert await desk.refuses(futures.CANCEL_ORDER, this) == -2011
    every = await desk.call(futures.ALL_ORDERS, ask.OrdersRequest(symbol=BTC))
    assert [each.orderId for each in every] == [filled.orderId, resting.orderId]
    trades = await desk.call(futures.USER_TRADES, ask.TradesRequest(symbol=BTC, orderId=filled.orderId))
    assert sum(each.qty for each in trades) == AMOUNT
    assert await desk.call(futures.FORCED_ORDERS, ANY) == []
    assert {each.window: each.count for each in await desk.call(futures.ORDER_LIMITS, NOTHING)}["1m"] >= 3


async def batches_fare_row_by_row(desk: Desk) -> None:
    rows = (desk.an_order("0.97"), desk.an_order("0.96"), desk.an_order("0.95", reduceOnly=True))
    placed = await desk.call(futures.PLACE_BATCH, new.BatchOrders(batchOrders=rows))
    assert [each.code for each in placed] == [0, 0, -2022]
    changes = tuple(
        new.ModifyOrder(symbol=BTC, side="BUY", quantity=AMOUNT, price=desk.world.at("0.94"), orderId=each)
        for each in (placed[0].orderId, 1)
    )
    changed = await desk.call(futures.MODIFY_BATCH, new.BatchOrders(batchOrders=changes))
    assert (changed[0].price, changed[1].code) == (desk.world.at("0.94"), -2013)
    gone = await desk.call(futures.CANCEL_BATCH, new.BatchCancel(symbol=BTC, orderIdList=(placed[0].orderId, 1)))
    assert (gone[0].status, gone[1].code) == ("CANCELED", -2011)
    assert (await desk.call(futures.CANCEL_ALL, ONE)).code == 200
    assert await desk.call(futures.OPEN_ORDERS, ANY) == []
    armed = await desk.call(futures.COUNTDOWN, new.Countdown(symbol=BTC, countdownTime=60_000))
    assert (armed.symbol, int(armed.countdownTime)) == (BTC, 60_000)
    await desk.call(futures.COUNTDOWN, new.Countdown(symbol=BTC, countdownTime=0))


async def orders_that_wait_for_a_price_have_a_service_of_their_own(desk: Desk) -> None:
    at = desk.world.at
    low, high = at("0.97"), at("1.03")
    waiting: tuple[dict[str, Any], ...] = (
        {"type": "STOP", "quantity": AMOUNT, "price": low, "triggerPrice": low},
        {"type": "TAKE_PROFIT", "quantity": AMOUNT, "price": high, "triggerPrice": high},
        {"type": "STOP_MARKET", "triggerPrice": low, "closePosition": True, "workingType": "MARK_PRICE"},
        {"type": "TAKE_PROFIT_MARKET", "quantity": AMOUNT, "triggerPrice": high, "priceProtect": True},
        {"type": "TRAILING_STOP_MARKET", "quantity": AMOUNT, "callbackRate": D("1.5"), "activatePrice": high},
    )
    placed = [
        await desk.call(futures.PLACE_ALGO, new.NewAlgoOrder(symbol=BTC, side="SELL", **each)) for each in waiting
    ]
    assert [(each.orderType, each.algoStatus) for each in placed] == [(each["type"], "NEW") for each in waiting]
    this = new.OfAlgo(algoId=placed[0].algoId)
    found = await desk.call(futures.ALGO, this)
    assert (found.clientAlgoId, found.triggerPrice, found.actualOrderId) == (placed[0].clientAlgoId, low, "")
    assert len(await desk.call(futures.OPEN_ALGOS, ANY)) == 5
    assert (await desk.call(futures.CANCEL_ALGO, this)).code == "200"
    assert await desk.refuses(futures.CANCEL_ALGO, this) == -2011
    assert (await desk.call(futures.CANCEL_ALL_ALGOS, ONE)).code == 200
    ended = await desk.call(futures.ALL_ALGOS, new.AlgoOrdersRequest(symbol=BTC))
    assert {each.algoStatus for each in ended} == {"CANCELED"}
    would_fire = new.NewAlgoOrder(symbol=BTC, side="SELL", type="STOP_MARKET", quantity=AMOUNT, triggerPrice=high)
    assert await desk.refuses(futures.PLACE_ALGO, would_fire) == -2021
    old_way = new.NewFuturesOrder(symbol=BTC, side="SELL", type="STOP_MARKET", quantity=AMOUNT)
    assert await desk.refuses(futures.PLACE_ORDER, old_way) == -4120


async def the_account_is_told(desk: Desk) -> None:
    await desk.market()
    for table in (futures.ACCOUNT, futures.ACCOUNT_V2):
        account = await desk.call(table, NOTHING)
        assert D(99_000) < account.totalWalletBalance < D(100_000)
        assert {each.symbol: each.positionAmt for each in account.positions if each.positionAmt} == {BTC: AMOUNT}
    for wallets in (futures.BALANCE, futures.BALANCE_V2):
        held = {each.asset: each.balance for each in await desk.call(wallets, NOTHING)}
        assert held["USDT"] == account.totalWalletBalance
    for positions in (futures.POSITION_RISK, futures.POSITION_RISK_V2):
        (row,) = await desk.call(positions, ANY)
        assert (row.positionSide, row.positionAmt, row.entryPrice > 0) == ("BOTH", AMOUNT, True)
    paid = await desk.call(futures.INCOME, new.IncomeRequest(symbol=BTC, incomeType="COMMISSION"))
    assert account.totalWalletBalance - D(100_000) == sum((each.income for each in paid), Decimal())
    rate = await desk.call(futures.COMMISSION, ONE)
    assert 0 < rate.makerCommissionRate < rate.takerCommissionRate
    ladder = await desk.call(futures.LEVERAGE_BRACKET, ANY)
    first = (ladder[0] if isinstance(ladder, list) else ladder).brackets[0]
    assert (first.bracket, first.notionalFloor, first.maintMarginRatio > 0) == (1, 0, True)


async def settings_are_changed_and_read_back(desk: Desk) -> None:
    for change, request, read, name in (
        (futures.SET_POSITION_MODE, new.PositionModeRequest, futures.POSITION_MODE, "dualSidePosition"),
        (futures.SET_MULTI_ASSETS, new.MultiAssetsRequest, futures.MULTI_ASSETS, "multiAssetsMargin"),
        (futures.SET_FEE_BURN, new.FeeBurnRequest, futures.FEE_BURN, "feeBurn"),
    ):
        before = getattr(await desk.call(read, NOTHING), name)
        for value in (not before, before):
            assert (await desk.call(change, request(**{name: value}))).code == 200
            assert getattr(await desk.call(read, NOTHING), name) is value
    told = await desk.call(futures.ACCOUNT_CONFIG, NOTHING)
    assert (told.canTrade, told.dualSidePosition, told.multiAssetsMargin) == (True, False, False)
    assert await desk.refuses(futures.SET_POSITION_MODE, new.PositionModeRequest(dualSidePosition=False)) == -4059
    reply = await desk.call(futures.SET_LEVERAGE, new.LeverageRequest(symbol=BTC, leverage=9))
    assert (reply.leverage, reply.maxNotionalValue != "") == (9, True)
    alone = new.MarginTypeRequest(symbol=BTC, marginType="ISOLATED")
    assert (await desk.call(futures.SET_MARGIN_TYPE, alone)).code == 200
    assert await desk.refuses(futures.SET_MARGIN_TYPE, alone) == -4046
    (seen,) = await desk.call(futures.SYMBOL_CONFIG, ANY)
    assert (seen.marginType, seen.leverage) == ("ISOLATED", 9)
    await desk.market()
    moved = await desk.call(futures.MOVE_MARGIN, new.PositionMarginRequest(symbol=BTC, amount=D(5), type=1))
    assert (moved.amount, moved.type, moved.code) == (5, 1, 200)


async def a_listen_key_is_made_kept_and_closed(desk: Desk) -> None:
    made = await desk.call(futures.OPEN_LISTEN_KEY, NOTHING)
    assert made.listenKey
    assert await desk.call(futures.OPEN_LISTEN_KEY, NOTHING) == made
    assert (await desk.call(futures.KEEP_LISTEN_KEY, NOTHING)).listenKey == made.listenKey
    await desk.call(futures.CLOSE_LISTEN_KEY, NOTHING)
    assert await desk.refuses(futures.KEEP_LISTEN_KEY, NOTHING) == -1125


SCENES: tuple[Callable[[Desk], Awaitable[None]], ...] = (
    the_market_is_told,
    the_past_is_told,
    orders_are_placed_changed_asked_for_and_cancelled,
    batches_fare_row_by_row,
    orders_that_wait_for_a_price_have_a_service_of_their_own,
    the_account_is_told,
    settings_are_changed_and_read_back,
    a_listen_key_is_made_kept_and_closed,
)


async def played(scene: Callable[[Desk], Awaitable[None]], path: OrderPath) -> set[str]:
    """Play a scene in a world of its own, and give what was asked in it."""
    async with futures_world(path) as world:
        desk = Desk(world)
        await desk.call(futures.TIME, NOTHING)  # (the first request opens the socket)
        await world.connected()
        await scene(desk)
        return desk.asked


@pytest.mark.parametrize("path", list(OrderPath))
async def test_every_request_of_the_table_is_answered_and_read(path: OrderPath) -> None:
    asked = [await played(scene, path) for scene in SCENES]
    assert set().union(*asked) == {str(each) for each in futures.ENDPOINTS}
