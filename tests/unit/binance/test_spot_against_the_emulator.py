"""Every kind of order and question of spot, by both paths, answered by an exchange that was written apart."""

from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from fake_binance import until

from bot.binance import spot
from bot.binance import wire_new_spot as new
from bot.binance import wire_requests as ask
from bot.binance.client import OrderPath, SpotClient, build_public, build_spot
from bot.binance.clock import ExchangeClock
from bot.binance.hosts import hosts_for
from bot.binance.limits import OrderCounts, WeightBank
from bot.binance.rest import Rest
from bot.binance.signing import Credentials
from bot.binance.wire_requests import NOTHING
from bot.binance.ws_sender import WsSender
from bot.domain.errors import Rejected
from bot.domain.order import OrderStatus
from bot.emulator.config import AccountConfig, EmulatorConfig, Synthetic
from bot.emulator.server import Emulator

D = Decimal
SYMBOL = "BTCUSDT"
KEY = Credentials("key", "secret")


class Desk:
    """A sender of one path, and prices around the last one."""

    def __init__(self, client: SpotClient, sender: Rest | WsSender, last: Decimal) -> None:
        self.client = client
        self.call = sender.call
        self.close = sender.close
        self.last = last

    def at(self, share: str) -> Decimal:
        return (self.last * D(share)).quantize(D("0.01"))


@pytest.fixture(params=list(OrderPath))
async def desk(request: pytest.FixtureRequest) -> AsyncIterator[Desk]:
    accounts = (AccountConfig("key", "secret", {"USDT": D(100_000), "BTC": D(5)}, trade_group=3),)
    config = EmulatorConfig(
        Synthetic(7), accounts, (SYMBOL, "BTCUSDC"), speed=0, warmup=50, sors=((SYMBOL, "BTCUSDC"),)
    )
    async with Emulator(config) as emulator:
        hosts = hosts_for("emulator", emulator_url=emulator.spot_url)
        public = build_public(hosts)
        clock = ExchangeClock(public.time_ms)
        await clock.sync()
        bank, counts = WeightBank(), OrderCounts(hosts.market)
        rest = Rest(hosts, bank, clock=clock, credentials=KEY, counts=counts)
        sender: Rest | WsSender = rest
        if request.param is OrderPath.WS:
            sender = WsSender(hosts, bank, rest, clock=clock, credentials=KEY, counts=counts)
            sender.open()
            await until(lambda: sender.is_connected)
        client = build_spot(KEY, hosts, clock, bank)
        last = await client.call(spot.TICKER_PRICE, ask.OfSymbols(symbol=SYMBOL))
        assert not isinstance(last, list)
        yield Desk(client, sender, last.price)
        await sender.close()
        await client.close()
        await public.close()


def an_order(side: str, kind: str, **more: object) -> new.NewSpotOrder:
    return new.NewSpotOrder(symbol=SYMBOL, side=side, type=kind, newOrderRespType="RESULT", **more)  # type: ignore[arg-type]


async def test_orders_of_every_type_are_taken_changed_and_cancelled(desk: Desk) -> None:
    filled = await desk.call(spot.PLACE_ORDER, an_order("BUY", "MARKET", quoteOrderQty=D(100)))
    assert (filled.status, filled.executedQty > 0) == ("FILLED", True)
    amount = D("0.01")
    resting = await desk.call(
        spot.PLACE_ORDER, an_order("BUY", "LIMIT", timeInForce="GTC", quantity=amount, price=desk.at("0.9"))
    )
    assert (resting.status, resting.origQty, resting.price) == ("NEW", amount, desk.at("0.9"))
    less = new.AmendRequest(symbol=SYMBOL, orderId=resting.orderId, newQty=D("0.005"))
    assert (await desk.call(spot.AMEND_ORDER, less)).amendedOrder.qty == D("0.005")
    replaced = await desk.call(
        spot.REPLACE_ORDER,
        new.ReplaceSpotOrder(
            symbol=SYMBOL, side="BUY", type="LIMIT", timeInForce="GTC", quantity=amount, price=desk.at("0.9"),
            cancelOrderId=resting.orderId,
        ),
    )  # fmt: skip
    assert (replaced.cancelResult, replaced.newOrderResult) == ("SUCCESS", "SUCCESS")
    low, high = desk.at("0.9"), desk.at("1.1")
    for order in (
        an_order("SELL", "STOP_LOSS", quantity=amount, stopPrice=low),
        an_order("SELL", "STOP_LOSS_LIMIT", timeInForce="GTC", quantity=amount, price=low, stopPrice=low),
        an_order("SELL", "TAKE_PROFIT", quantity=amount, stopPrice=high),
        an_order("SELL", "TAKE_PROFIT_LIMIT", timeInForce="GTC", quantity=amount, price=high, stopPrice=high),
        an_order("SELL", "STOP_LOSS", quantity=amount, trailingDelta=200),
        an_order("SELL", "LIMIT_MAKER", quantity=amount, price=high),
    ):
        assert (await desk.call(spot.PLACE_ORDER, order)).type == order.type
    opened = await desk.call(spot.OPEN_ORDERS, ask.OfAnySymbol(symbol=SYMBOL))
    assert len(opened) == 7
    assert len(await desk.call(spot.CANCEL_ALL, ask.OfSymbol(symbol=SYMBOL))) == 7
    with pytest.raises(Rejected) as caught:
        await desk.call(spot.CANCEL_ORDER, new.CancelRequest(symbol=SYMBOL, orderId=resting.orderId))
    assert caught.value.code == -2011
    told = await desk.call(spot.ORDER, ask.OfOrder(symbol=SYMBOL, orderId=filled.orderId))
    trades = await desk.call(spot.MY_TRADES, ask.TradesRequest(symbol=SYMBOL, orderId=filled.orderId))
    assert sum(row.qty for row in trades) == told.executedQty == filled.executedQty


async def test_orders_are_routed_to_the_cheaper_book(desk: Desk) -> None:
    info = await desk.call(spot.EXCHANGE_INFO, ask.ExchangeInfoRequest(symbols=(SYMBOL,)))
    assert [(group.baseAsset, group.symbols) for group in info.sors] == [("BTC", [SYMBOL, "BTCUSDC"])]
    prices = await desk.call(spot.TICKER_PRICE, ask.OfSymbols(symbols=(SYMBOL, "BTCUSDC")))
    assert isinstance(prices, list)
    own, other = (row.price for row in prices)
    side = "BUY" if other < own else "SELL"
    amount = D("0.01")
    checked = new.TestRoutedOrder(symbol=SYMBOL, side=side, type="MARKET", quantity=amount, computeCommissionRates=True)
    assert (await desk.call(spot.TEST_ROUTED, checked)).standardCommissionForOrder
    answer = await desk.call(
        spot.ROUTE_ORDER, new.RoutedSpotOrder(symbol=SYMBOL, side=side, type="MARKET", quantity=amount)
    )
    placed = answer[0] if isinstance(answer, list) else answer
    assert (placed.status, placed.usedSor, placed.workingFloor) == ("FILLED", True, "SOR")
    assert [(fill.tradeId, fill.matchType, fill.price) for fill in placed.fills] == [
        (-1, "ONE_PARTY_TRADE_REPORT", other)
    ]
    rows = await desk.call(spot.ALLOCATIONS, new.AllocationsRequest(symbol=SYMBOL))
    assert [(row.allocationId, row.orderId, row.qty) for row in rows] == [
        (placed.fills[0].allocId, placed.orderId, amount)
    ]
    assert not await desk.call(spot.MY_TRADES, ask.TradesRequest(symbol=SYMBOL))
    assert (await desk.call(spot.ORDER, ask.OfOrder(symbol=SYMBOL, orderId=placed.orderId))).usedSor


async def test_lists_of_orders_are_taken_and_cancelled(desk: Desk) -> None:
    amount, low, high = D("0.01"), desk.at("0.9"), desk.at("1.1")
    oco = new.NewOco(
        symbol=SYMBOL, side="SELL", quantity=amount, aboveType="LIMIT_MAKER", abovePrice=high, belowType="STOP_LOSS",
        belowStopPrice=low,
    )  # fmt: skip
    oto = new.NewOto(
        symbol=SYMBOL, workingType="LIMIT", workingSide="BUY", workingPrice=low, workingQuantity=amount,
        workingTimeInForce="GTC", pendingType="MARKET", pendingSide="SELL", pendingQuantity=amount,
    )  # fmt: skip
    otoco = new.NewOtoco(
        symbol=SYMBOL, workingType="LIMIT", workingSide="BUY", workingPrice=low, workingQuantity=amount,
        workingTimeInForce="GTC", pendingSide="SELL", pendingQuantity=amount, pendingAboveType="LIMIT_MAKER",
        pendingAbovePrice=high, pendingBelowType="STOP_LOSS", pendingBelowStopPrice=desk.at("0.85"),
    )  # fmt: skip
    placed = [
        await desk.call(spot.PLACE_OCO, oco),
        await desk.call(spot.PLACE_OTO, oto),
        await desk.call(spot.PLACE_OTOCO, otoco),
    ]
    assert [len(each.orderReports) for each in placed] == [2, 2, 3]
    assert len(await desk.call(spot.OPEN_ORDER_LISTS, NOTHING)) == 3
    for each in placed:
        gone = await desk.call(spot.CANCEL_LIST, new.OfList(symbol=SYMBOL, orderListId=each.orderListId))
        assert gone.listOrderStatus == "ALL_DONE"
        assert (await desk.call(spot.ORDER_LIST, new.OfList(orderListId=each.orderListId))).orders
    assert len(await desk.call(spot.ALL_ORDER_LISTS, ask.OrdersRequest())) == 3


@pytest.mark.parametrize("leg", ["above", "below"])
async def test_cancelling_a_leg_tells_of_that_leg_though_the_answer_is_the_lists(desk: Desk, leg: str) -> None:
    oco = new.NewOco(
        symbol=SYMBOL, side="SELL", quantity=D("0.01"), aboveType="LIMIT_MAKER", abovePrice=desk.at("1.1"),
        belowType="STOP_LOSS", belowStopPrice=desk.at("0.9"), aboveClientOrderId="above", belowClientOrderId="below",
    )  # fmt: skip
    placed = {each.our_id: each for each in (await desk.call(spot.PLACE_OCO, oco)).orderReports}
    told = await SpotClient(desk.client.hosts, desk.client._rest, desk).cancel(SYMBOL, leg)
    assert (told.our_id, told.orderId, told.status) == (leg, placed[leg].orderId, "CANCELED")
    update = told.update()
    assert update is not None
    assert (update.client_order_id, update.status) == (leg, OrderStatus.CANCELED)
    assert await desk.call(spot.OPEN_ORDERS, ask.OfAnySymbol(symbol=SYMBOL)) == []


async def test_every_question_is_answered(desk: Desk) -> None:
    one = ask.OfSymbol(symbol=SYMBOL)
    checked = new.TestSpotOrder(
        symbol=SYMBOL, side="BUY", type="MARKET", quantity=D("0.01"), computeCommissionRates=True
    )
    assert (await desk.call(spot.TEST_ORDER, checked)).standardCommissionForOrder
    assert (await desk.call(spot.COMMISSION, one)).standardCommission.taker > 0
    assert {each.window for each in await desk.call(spot.ORDER_LIMITS, NOTHING)} == {"10s", "1d"}
    account = await desk.call(spot.ACCOUNT, new.AccountRequest(omitZeroBalances=True))
    assert (account.canTrade, account.tradeGroupId) == (True, 3)
    assert (await desk.call(spot.MY_FILTERS, one)).symbolFilters
    assert (await desk.call(spot.RESTRICTIONS, NOTHING)).enableReading
    assert (await desk.call(spot.AVERAGE_PRICE, one)).price > 0
    assert (await desk.call(spot.DEPTH, ask.Newest(symbol=SYMBOL, limit=5))).bids
    assert (await desk.call(spot.EXECUTION_RULES, ask.ExecutionRulesRequest(symbol=SYMBOL))).symbolRules
    assert (await desk.call(spot.EXCHANGE_INFO, ask.ExchangeInfoRequest(symbols=(SYMBOL,)))).symbols
    assert isinstance(await desk.call(spot.TICKER_DAY, ask.OfSymbols()), list)
    assert len(await desk.call(spot.KLINES, ask.KlinesRequest(symbol=SYMBOL, interval="1m", limit=3))) == 3
