from decimal import Decimal
from typing import Any

import pytest


async def balances(visitor: Any) -> dict[str, tuple[Decimal, Decimal]]:
    rows = (await visitor.signed("GET", "account")).body["balances"]
    return {row["asset"]: (Decimal(row["free"]), Decimal(row["locked"])) for row in rows}


async def test_a_market_order_fills_at_the_last_price_and_moves_the_balances(visitor: Any) -> None:
    price = visitor.price()
    reply = await visitor.place(newClientOrderId="one", quantity="0.5")
    body = reply.body
    assert (reply.status, body["status"], body["clientOrderId"], body["timeInForce"]) == (200, "FILLED", "one", "GTC")
    assert Decimal(body["cummulativeQuoteQty"]) == price / 2
    assert [Decimal(fill["price"]) for fill in body["fills"]] == [price]
    assert body["fills"][0]["commission"] == "0.00050000"
    held = await balances(visitor)
    assert held["BTC"] == (Decimal("2.4995"), 0)
    assert held["USDT"] == (100_000 - price / 2, 0)


async def test_a_market_order_for_an_amount_spends_no_more_than_that(visitor: Any) -> None:
    body = (await visitor.place(quantity=None, quoteOrderQty="1000")).body
    assert body["status"] == "FILLED"
    assert 990 < Decimal(body["cummulativeQuoteQty"]) <= 1_000
    assert body["origQuoteOrderQty"] == "1000.00000000"


async def test_a_limit_order_rests_is_seen_and_is_cancelled(visitor: Any) -> None:
    price = visitor.away("0.9")
    placed = (await visitor.limit(price, newClientOrderId="rest")).body
    assert (placed["status"], placed["fills"]) == ("NEW", [])
    assert (await balances(visitor))["USDT"][1] == price / 100
    found = (await visitor.signed("GET", "order", symbol="BTCUSDT", origClientOrderId="rest")).body
    assert (found["orderId"], found["isWorking"]) == (placed["orderId"], True)
    assert (await visitor.signed("GET", "openOrders", symbol="BTCUSDT")).body == [found]
    gone = (await visitor.signed("DELETE", "order", symbol="BTCUSDT", orderId=placed["orderId"])).body
    assert (gone["status"], gone["origClientOrderId"]) == ("CANCELED", "rest")
    assert gone["clientOrderId"] != "rest"
    assert (await balances(visitor))["USDT"] == (100_000, 0)
    assert (await visitor.signed("GET", "openOrders")).body == []
    assert (await visitor.signed("GET", "allOrders", symbol="BTCUSDT")).body[0]["status"] == "CANCELED"


async def test_a_crossing_limit_order_fills_at_once_at_the_better_price(visitor: Any) -> None:
    body = (await visitor.limit(visitor.away("1.05"))).body
    assert body["status"] == "FILLED"
    assert Decimal(body["fills"][0]["price"]) == visitor.price()


async def test_fills_are_listed_with_their_fees(visitor: Any) -> None:
    bought = (await visitor.place()).body
    await visitor.place(side="SELL")
    trades = (await visitor.signed("GET", "myTrades", symbol="BTCUSDT")).body
    assert [(trade["isBuyer"], trade["commissionAsset"]) for trade in trades] == [(True, "BTC"), (False, "USDT")]
    assert trades[0]["id"] == bought["fills"][0]["tradeId"]
    later = (await visitor.signed("GET", "myTrades", symbol="BTCUSDT", fromId=trades[1]["id"])).body
    assert later == trades[1:]
    first = (await visitor.signed("GET", "myTrades", symbol="BTCUSDT", orderId=bought["orderId"])).body
    assert first == trades[:1]


async def test_all_open_orders_of_a_symbol_are_cancelled_at_once(visitor: Any) -> None:
    for share in ("0.9", "0.8"):
        await visitor.limit(visitor.away(share))
    gone = (await visitor.signed("DELETE", "openOrders", symbol="BTCUSDT")).body
    assert [order["status"] for order in gone] == ["CANCELED"] * 2
    empty = await visitor.signed("DELETE", "openOrders", symbol="BTCUSDT")
    assert (empty.status, empty.code) == (400, -2011)


async def test_the_type_of_reply_is_chosen(visitor: Any) -> None:
    ack = (await visitor.place(newOrderRespType="ACK")).body
    assert set(ack) == {"symbol", "orderId", "orderListId", "clientOrderId", "transactTime"}
    assert "fills" not in (await visitor.place(newOrderRespType="RESULT")).body
    maker = await visitor.place(type="LIMIT_MAKER", price=visitor.away("0.9"))
    assert "status" not in maker.body


async def test_parameters_may_come_in_the_body_or_mixed(visitor: Any) -> None:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    assert (await visitor.signed("POST", "order", in_body=True, **order)).body["status"] == "FILLED"


async def test_a_test_order_is_checked_and_not_placed(visitor: Any) -> None:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}
    assert (await visitor.signed("POST", "order/test", **order)).body == {}
    fees = await visitor.signed("POST", "order/test", **order, computeCommissionRates="true")
    assert fees.body["standardCommissionForOrder"] == {"maker": "0.00100000", "taker": "0.00100000"}
    wrong = await visitor.signed("POST", "order/test", **(order | {"quantity": "0.0000001"}))
    assert wrong.code == -1013
    assert (await visitor.signed("GET", "allOrders", symbol="BTCUSDT")).body == []


async def test_fees_and_order_counts_are_told(visitor: Any) -> None:
    fees = (await visitor.signed("GET", "account/commission", symbol="BTCUSDT")).body
    assert fees["standardCommission"]["taker"] == "0.00100000"
    reply = await visitor.limit(visitor.away("0.9"))
    assert reply.headers["X-MBX-ORDER-COUNT-10S"] == "1"
    counts = (await visitor.signed("GET", "rateLimit/order")).body
    assert [(row["interval"], row["count"]) for row in counts][1] == ("DAY", 1)


async def test_successful_orders_cost_no_weight_and_refused_ones_do(visitor: Any) -> None:
    assert (await visitor.place()).headers["X-MBX-USED-WEIGHT-1M"] == "0"
    assert (await visitor.place(quantity="1000")).headers["X-MBX-USED-WEIGHT-1M"] == "1"


async def test_accounts_do_not_see_each_other(visitor: Any) -> None:
    placed = (await visitor.limit(visitor.away("0.9"))).body
    visitor.key, visitor.secret = "other-key", "other-secret"
    reply = await visitor.signed("GET", "order", symbol="BTCUSDT", orderId=placed["orderId"])
    assert (reply.status, reply.code) == (400, -2013)
    assert list(await balances(visitor)) == ["USDT"]
    assert (await visitor.place()).code == -2010


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({"symbol": None}, -1102, "'symbol'"), ({"side": None}, -1102, "'side'"), ({"type": None}, -1102, "'type'"),
        ({"quantity": None}, -1102, "'quantity'"), ({"side": "UP"}, -1117, "Invalid side."),
        ({"type": "WISH"}, -1116, "Invalid orderType."), ({"timeInForce": "GTC"}, -1106, "'timeInForce'"),
        ({"type": "LIMIT", "price": "50000"}, -1102, "'timeInForce'"),
        ({"type": "LIMIT", "timeInForce": "GTC"}, -1102, "'price'"),
        ({"type": "LIMIT", "timeInForce": "NOW", "price": "50000"}, -1115, "Invalid timeInForce."),
        ({"quantity": "0.000000001"}, -1111, "too much precision"), ({"quantity": "1e3"}, -1100, "'quantity'"),
        ({"quantity": "0.000001"}, -1013, "Filter failure: LOT_SIZE"), ({"quantity": "0"}, -1013, "zero or less"),
        ({"quantity": "0.00001"}, -1013, "Filter failure: NOTIONAL"),
        ({"quantity": "100"}, -2010, "insufficient balance"), ({"symbol": "NOPE"}, -1121, "Invalid symbol."),
        ({"quoteOrderQty": "10"}, -1128, "optional parameters"), ({"extra": "1"}, -1104, "Not all sent"),
        ({"newClientOrderId": ""}, -1105, "was empty"), ({"newClientOrderId": "x" * 37}, -1100, "newClientOrderId"),
        ({"type": "STOP_LOSS", "stopPrice": "1000000", "side": "SELL"}, -2010, "trigger immediately"),
        ({"icebergQty": "1"}, -1106, "'icebergQty'"), ({"strategyType": "999999"}, -1134, "strategyType"),
        ({"selfTradePreventionMode": "MAYBE"}, -1013, "self-trade"), ({"newOrderRespType": "ALL"}, -1130, "newOrderRespType"),
    ],
)  # fmt: skip
async def test_a_wrong_order_is_refused_with_its_code_and_text(
    visitor: Any, changes: dict[str, Any], code: int, text: str
) -> None:
    reply = await visitor.place(**changes)
    assert (reply.status, reply.code) == (400, code)
    assert text in reply.body["msg"]
    assert (await visitor.signed("GET", "allOrders", symbol="BTCUSDT")).body == []


async def test_prices_are_held_to_the_filters(visitor: Any) -> None:
    assert (await visitor.limit("50000.001")).body["msg"] == "Filter failure: PRICE_FILTER"
    assert (await visitor.limit(visitor.away("0.1"))).body["msg"] == "Filter failure: PERCENT_PRICE_BY_SIDE"
    crossing = await visitor.place(type="LIMIT_MAKER", price=visitor.away("1.01"))
    assert (crossing.code, crossing.body["msg"]) == (-2010, "Order would immediately match and take.")


async def test_a_client_id_is_free_again_once_its_order_is_finished(visitor: Any) -> None:
    first = await visitor.limit(visitor.away("0.9"), newClientOrderId="same")
    again = await visitor.limit(visitor.away("0.9"), newClientOrderId="same")
    assert (again.code, again.body["msg"]) == (-2010, "Duplicate order sent.")
    await visitor.signed("DELETE", "order", symbol="BTCUSDT", orderId=first.body["orderId"])
    assert (await visitor.limit(visitor.away("0.9"), newClientOrderId="same")).status == 200


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("GET", {}, -1102),
        ("DELETE", {}, -1102),
        ("GET", {"orderId": 7}, -2013),
        ("DELETE", {"orderId": 7}, -2011),
        ("GET", {"origClientOrderId": "no"}, -2013),
        ("DELETE", {"origClientOrderId": "no"}, -2011),
        ("GET", {"orderId": 1001, "origClientOrderId": "no"}, -2039),
        ("DELETE", {"orderId": 1001, "origClientOrderId": "no"}, -2011),
        ("DELETE", {"orderId": 1001, "cancelRestrictions": "NEVER"}, -1145),
        ("DELETE", {"orderId": 1001, "cancelRestrictions": "ONLY_PARTIALLY_FILLED"}, -2011),
    ],
)
async def test_an_order_that_is_not_meant_is_not_touched(
    visitor: Any, method: str, params: dict[str, Any], code: int
) -> None:
    await visitor.limit(visitor.away("0.9"))
    assert (await visitor.signed(method, "order", symbol="BTCUSDT", **params)).code == code
    assert len((await visitor.signed("GET", "openOrders")).body) == 1


async def test_ids_that_do_not_belong_together_are_told_apart_at_a_question_and_at_a_cancel(visitor: Any) -> None:
    order = (await visitor.limit(visitor.away("0.97"))).body
    both = {"symbol": "BTCUSDT", "orderId": order["orderId"], "origClientOrderId": "no"}
    said = [(await visitor.signed(method, "order", **both)).body["msg"] for method in ("GET", "DELETE")]
    assert said == [
        "Client order ID is not correct for this order ID.", "Cancel order is invalid. Check origClOrdId and orderId.",
    ]  # fmt: skip
