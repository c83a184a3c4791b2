"""Orders that wait for a price on futures: placed at their own endpoint, found wherever they are, followed to the end."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import web
from fake_binance import Answer, FakeBinance, until
from test_futures_broker import BALANCE, CONFIG, FORCED, INCOME, SERVER_MS, Desk, report, says

from bot.binance.caution import EVENTS
from bot.binance.conditional import News, Waiting
from bot.binance.wire_futures import AlgoOrder
from bot.binance.wire_user import AlgoBody, AlgoEvent
from bot.domain.errors import Rejected, Unavailable
from bot.domain.market import Market
from bot.domain.messages import CancelOrder, OrderUpdate, PlaceOrder
from bot.domain.money import Price, Quantity
from bot.domain.order import Order, OrderStatus, OrderType, Purpose, Side
from bot.ports import OpenOrder

D = Decimal
S = OrderStatus
ALGO, PLACE, CANCEL = "GET /fapi/v1/algoOrder", "POST /fapi/v1/algoOrder", "DELETE /fapi/v1/algoOrder"
OPEN, ORDER, TRADES = "GET /fapi/v1/openAlgoOrders", "GET /fapi/v1/order", "GET /fapi/v1/userTrades"
COUNTDOWN = "POST /fapi/v1/countdownCancelAll"
NOBODY = says({"code": -2013, "msg": "Order does not exist."}, 400)


def algo(status: str = "NEW", became: str = "", **more: Any) -> dict[str, Any]:
    return {
        "algoId": 4_000_000_000_000_001, "clientAlgoId": "s-1", "algoType": "CONDITIONAL", "orderType": "STOP_MARKET",
        "symbol": "BTCUSDT", "side": "SELL", "quantity": "0.010", "algoStatus": status, "triggerPrice": "54000.00",
        "reduceOnly": True, "createTime": SERVER_MS, "updateTime": SERVER_MS, "actualOrderId": became, "actualQty": "0",
        "news": {}, **more,
    }  # fmt: skip


def ordinary(status: str = "FILLED", executed: str = "0.010") -> dict[str, Any]:
    return {
        "orderId": 7001, "symbol": "BTCUSDT", "status": status, "clientOrderId": "s-1", "price": "0.00",
        "origQty": "0.010", "executedQty": executed, "type": "MARKET", "side": "SELL", "updateTime": SERVER_MS + 5,
    }  # fmt: skip


TRADE = {
    "symbol": "BTCUSDT", "id": 55, "orderId": 7001, "side": "SELL", "price": "53990.10", "qty": "0.010",
    "quoteQty": "539.901", "realizedPnl": "-60", "commission": "0.2", "commissionAsset": "USDT", "time": SERVER_MS + 5,
    "maker": False, "buyer": False, "positionSide": "BOTH",
}  # fmt: skip


def told(status: str, **more: Any) -> dict[str, Any]:
    body = {"caid": "s-1", "aid": 4_000_000_000_000_001, "s": "BTCUSDT", "S": "SELL", "X": status, "ai": "", **more}
    return {"e": "ALGO_UPDATE", "E": SERVER_MS, "T": SERVER_MS, "o": body}


def a_stop(**more: Any) -> Order:
    values: dict[str, Any] = {
        "client_order_id": "s-1", "strategy_id": 1, "symbol": "BTCUSDT", "side": Side.SELL,
        "type": OrderType.STOP_LOSS, "quantity": Quantity(D("0.010")), "created_ms": SERVER_MS,
        "market": Market.FUTURES, "purpose": Purpose.STOP, "stop_price": Price(D(54_000)), **more,
    }  # fmt: skip
    return Order(**values)


def left_open(status: OrderStatus = S.NEW, number: int = 4_000_000_000_000_001) -> OpenOrder:
    return OpenOrder(a_stop(), status, D(0), D(0), number)


def one_after_another(*answers: Answer) -> Answer:
    following: Iterator[Answer] = iter(answers)
    last = answers[-1]

    async def answer(request: web.Request) -> web.StreamResponse:
        return await next(following, last)(request)

    return answer


@pytest.fixture
async def desk(binance: FakeBinance) -> AsyncIterator[Desk]:
    binance.answers |= {
        "GET /fapi/v1/time": says({"serverTime": SERVER_MS}),
        "POST /fapi/v1/listenKey": says({"listenKey": "key-1"}),
        CONFIG: says({"dualSidePosition": False, "multiAssetsMargin": False, "canTrade": True}),
        BALANCE: says([{"asset": "USDT", "balance": "1500.25"}]),
        COUNTDOWN: says({"symbol": "BTCUSDT", "countdownTime": "1"}),
        ALGO: NOBODY, ORDER: NOBODY, FORCED: says([]), INCOME: says([]), TRADES: says([]),
    }  # fmt: skip
    made = Desk(binance)
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("kind", "name"), [(OrderType.STOP_LOSS, "STOP_MARKET"), (OrderType.TAKE_PROFIT, "TAKE_PROFIT_MARKET")]
)
async def test_it_goes_to_its_own_endpoint_and_may_only_reduce(desk: Desk, kind: OrderType, name: str) -> None:
    desk.binance.answers[PLACE] = says(algo())
    await desk.open()
    await desk.broker.execute(PlaceOrder(a_stop(type=kind)))
    await until(lambda: desk.statuses == [S.NEW])
    (sent,) = desk.binance.seen(PLACE)
    assert {key: sent.get(key) for key in ("type", "algoType", "triggerPrice", "quantity", "reduceOnly", "clientAlgoId")} == {
        "type": name, "algoType": "CONDITIONAL", "triggerPrice": "54000", "quantity": "0.01", "reduceOnly": "true",
        "clientAlgoId": "s-1",
    }  # fmt: skip
    assert {"stopPrice", "closePosition", "price"} & sent.keys() == set()


async def test_a_refusal_is_one(desk: Desk) -> None:
    desk.binance.answers[PLACE] = says({"code": -2021, "msg": "Order would immediately trigger."}, 400)
    await desk.open()
    await desk.broker.execute(PlaceOrder(a_stop()))
    await until(lambda: desk.statuses == [S.REJECTED])
    (update,) = [each for each in desk.events if isinstance(each, OrderUpdate)]
    assert update.code == -2021


async def test_what_it_becomes_is_followed_by_the_stream_and_booked_once(desk: Desk) -> None:
    desk.binance.answers[PLACE] = says(algo())
    await desk.open()
    await desk.broker.execute(PlaceOrder(a_stop()))
    await until(lambda: desk.statuses == [S.NEW])
    traded = report("TRADE", "FILLED", c="s-1", l="0.010", z="0.010", L="53990.1", t=55, n="0.2", N="USDT")
    for event in (told("TRIGGERING"), told("TRIGGERED", ai="7001"), report("NEW", "NEW", c="s-1"), traded, traded,
                  told("FINISHED", ai="7001", aq="0.010")):  # fmt: skip
        await desk.push(event)
    await until(lambda: desk.statuses == [S.NEW, S.FILLED])
    assert [(each.client_order_id, each.exchange_order_id, each.trade_id) for each in desk.fills] == [("s-1", 7001, 55)]


async def test_an_end_of_which_the_stream_told_half_is_asked_for(desk: Desk) -> None:
    desk.binance.answers[PLACE] = says(algo())
    await desk.open()
    await desk.broker.execute(PlaceOrder(a_stop()))
    await until(lambda: desk.statuses == [S.NEW])
    desk.binance.answers |= {
        ALGO: says(algo("FINISHED", "7001", actualQty="0.010")), ORDER: says(ordinary()), TRADES: says([TRADE]),
    }  # fmt: skip
    await desk.push(told("FINISHED", ai="7001", aq="0.010"))
    await until(lambda: desk.statuses == [S.NEW, S.FILLED])
    assert [each.trade_id for each in desk.fills] == [55]


@pytest.mark.parametrize(
    ("event", "status", "reason"),
    [
        (told("CANCELED"), S.CANCELED, ""),
        (told("EXPIRED"), S.EXPIRED, ""),
        (told("REJECTED", rm="Margin is insufficient."), S.EXPIRED, "refused it when its price had come: Margin"),
    ],
)
async def test_an_end_before_it_became_anything_is_told_with_its_reason(
    desk: Desk, event: dict[str, Any], status: OrderStatus, reason: str
) -> None:
    desk.binance.answers[PLACE] = says(algo())
    await desk.open()
    await desk.broker.execute(PlaceOrder(a_stop()))
    await until(lambda: desk.statuses == [S.NEW])
    await desk.push(event)
    await until(lambda: desk.statuses == [S.NEW, status])
    assert reason in [each for each in desk.events if isinstance(each, OrderUpdate)][-1].reason


async def test_one_whose_answer_was_lost_counts_as_absent_only_when_all_three_places_deny_it(desk: Desk) -> None:
    desk.binance.answers[PLACE] = says({"code": -1007, "msg": "Timeout waiting for response."}, 408)
    await desk.open()
    await desk.broker.execute(PlaceOrder(a_stop()), desk.broker.prepare(a_stop()))
    await until(lambda: desk.statuses == [S.UNKNOWN, S.VOID])
    assert desk.binance.seen(ALGO)[-1]["clientAlgoId"] == "s-1"
    assert desk.binance.seen(OPEN)[-1]["symbol"] == "BTCUSDT"
    assert desk.binance.seen(ORDER)[-1]["origClientOrderId"] == "s-1"


async def test_one_that_its_own_query_denies_is_found_among_those_that_wait(desk: Desk) -> None:
    desk.binance.answers |= {
        PLACE: says({"code": -1007, "msg": "Timeout waiting for response."}, 408),
        OPEN: one_after_another(says([]), says([algo()])),
    }  # fmt: skip
    await desk.open()
    await desk.broker.execute(PlaceOrder(a_stop()))
    await until(lambda: desk.statuses == [S.UNKNOWN, S.NEW])


async def test_one_that_was_left_open_and_traded_meanwhile_is_booked_at_the_start(desk: Desk) -> None:
    desk.binance.answers |= {
        ALGO: says(algo("TRIGGERED", "7001")), ORDER: says(ordinary()), TRADES: says([TRADE]),
    }  # fmt: skip
    await desk.open(left_open())
    await until(lambda: desk.statuses == [S.FILLED])
    assert [(each.client_order_id, each.trade_id) for each in desk.fills] == [("s-1", 55)]


async def test_one_that_stood_before_the_start_and_is_forgotten_now_was_there(desk: Desk) -> None:
    await desk.open(left_open())
    await until(lambda: desk.statuses == [S.CANCELED])


async def test_a_cancel_is_believed_when_the_exchange_shows_it(desk: Desk) -> None:
    desk.binance.answers |= {
        PLACE: says(algo()),
        CANCEL: says({"algoId": 4_000_000_000_000_001, "clientAlgoId": "s-1", "code": "200", "msg": "success"}),
        ALGO: says(algo("CANCELED")),
    }
    await desk.open()
    await desk.broker.execute(PlaceOrder(a_stop()))
    await until(lambda: desk.statuses == [S.NEW])
    await desk.broker.execute(CancelOrder("s-1", "BTCUSDT", Market.FUTURES))
    await until(lambda: desk.statuses == [S.NEW, S.CANCELED])
    (sent,) = desk.binance.seen(CANCEL)
    assert sent["clientAlgoId"] == "s-1"


async def test_a_cancel_that_came_too_late_finds_what_it_became(desk: Desk) -> None:
    desk.binance.answers[PLACE] = says(algo())
    await desk.open()
    await desk.broker.execute(PlaceOrder(a_stop()))
    await until(lambda: desk.statuses == [S.NEW])
    desk.binance.answers |= {
        CANCEL: says({"code": -2011, "msg": "Unknown order sent."}, 400),
        ALGO: says(algo("FINISHED", "7001", actualQty="0.010")), ORDER: says(ordinary()), TRADES: says([TRADE]),
    }  # fmt: skip
    await desk.broker.execute(CancelOrder("s-1", "BTCUSDT", Market.FUTURES))
    await until(lambda: desk.statuses == [S.NEW, S.FILLED])


async def test_no_countdown_runs_where_a_stop_stands(desk: Desk) -> None:
    desk.binance.answers |= {PLACE: says(algo()), "POST /fapi/v1/order": says(ordinary("NEW", "0"))}
    entry = a_stop(client_order_id="s-1", type=OrderType.LIMIT, price=Price(D(50_000)), stop_price=None)
    await desk.open()
    await desk.broker.execute(PlaceOrder(entry))
    await until(lambda: desk.binance.seen(COUNTDOWN))
    assert desk.binance.seen(COUNTDOWN)[-1]["countdownTime"] != "0"
    desk.binance.answers[PLACE] = says(algo(clientAlgoId="s-2"))
    await desk.broker.execute(PlaceOrder(a_stop(client_order_id="s-2")))
    await until(lambda: desk.binance.seen(COUNTDOWN)[-1]["countdownTime"] == "0")
    asked = len(desk.binance.seen(COUNTDOWN))
    await desk.broker.execute(PlaceOrder(a_stop(client_order_id="s-3", stop_price=None, type=OrderType.MARKET)))
    await asyncio.sleep(0)
    await until(lambda: len(desk.binance.seen("POST /fapi/v1/order")) == 2)
    assert all(each["countdownTime"] == "0" for each in desk.binance.seen(COUNTDOWN)[asked:])


async def test_somebody_elses_is_reported_once_and_no_news_of_it_is_a_puzzle(desk: Desk) -> None:
    desk.binance.answers[OPEN] = says([algo(clientAlgoId="web_1")])
    desk.looker.newest = {(Market.FUTURES, "BTCUSDT"): 0}
    await desk.open()
    assert [(each.client_order_id, each.exchange_order_id) for each in desk.looker.foreign] == [
        ("web_1", 4_000_000_000_000_001)
    ]
    await desk.push(told("CANCELED", caid="web_1"))
    await until(lambda: EVENTS in desk.looker.wishes)
    assert desk.looker.was_in_doubt == []
    await until(lambda: len(desk.binance.seen(OPEN)) >= 2)
    assert len(desk.looker.foreign) == 1


async def test_news_of_one_that_nobody_knows_calls_for_a_look(desk: Desk) -> None:
    await desk.open()
    await desk.push(told("NEW", caid="web_2"))
    await until(lambda: any("web_2" in each for each in desk.looker.was_in_doubt))


@pytest.mark.parametrize(
    ("status", "becomes"),
    [("NEW", S.NEW), ("TRIGGERING", S.NEW), ("TRIGGERED", S.NEW), ("CANCELED", S.CANCELED), ("EXPIRED", S.EXPIRED),
     ("REJECTED", S.EXPIRED), ("FINISHED", S.EXPIRED), ("SOMETHING_NEW", None)],
)  # fmt: skip
def test_each_state_of_one_that_became_nothing_is_one_of_ours(status: str, becomes: OrderStatus | None) -> None:
    update = Waiting(AlgoOrder(1, "s-1", algoStatus=status, symbol="BTCUSDT", side="SELL")).update()
    assert (None if update is None else update.status) is becomes


def test_an_event_names_the_order_that_it_became() -> None:
    assert News(AlgoEvent("ALGO_UPDATE", AlgoBody("s-1", 5, "TRIGGERED", ai="7001"))).number == 7001
    assert News(AlgoEvent("ALGO_UPDATE", AlgoBody("s-1", 5, "NEW"))).number == 0


async def test_what_it_became_and_nobody_shows_yet_is_asked_for_again(desk: Desk) -> None:
    desk.binance.answers[ALGO] = says(algo("TRIGGERED", "7001"))
    with pytest.raises(Unavailable, match="not shown yet"):
        await desk.client.query("BTCUSDT", "s-1", is_conditional=True)


async def test_what_ended_untraded_long_ago_is_over_though_its_order_is_forgotten(desk: Desk) -> None:
    desk.binance.answers[ALGO] = says(algo("FINISHED", "7001"))
    update = (await desk.client.query("BTCUSDT", "s-1", is_conditional=True)).update()
    assert update is not None
    assert update.status is S.EXPIRED


async def test_only_the_answer_that_there_is_none_lets_it_look_elsewhere(desk: Desk) -> None:
    desk.binance.answers[ALGO] = says({"code": -1102, "msg": "Mandatory parameter was not sent."}, 400)
    with pytest.raises(Rejected):
        await desk.client.query("BTCUSDT", "s-1", is_conditional=True)
    assert desk.binance.seen(OPEN) == []
