"""Every kind of order and list over REST."""

from typing import Any

import pytest

from .conftest import Visitor


async def place_list(visitor: Visitor, kind: str, **params: Any) -> Any:
    return await visitor.signed("POST", f"orderList/{kind}", symbol="BTCUSDT", **params)


def around(visitor: Visitor, prefix: str = "") -> dict[str, Any]:
    """Give the two legs of a pair that sells above or below the market."""

    def name(word: str) -> str:
        return f"{prefix}{word}" if prefix else word[0].lower() + word[1:]

    return {
        name("AboveType"): "LIMIT_MAKER", name("AbovePrice"): visitor.away("1.05"),
        name("BelowType"): "STOP_LOSS_LIMIT", name("BelowStopPrice"): visitor.away("0.95"),
        name("BelowPrice"): visitor.away("0.94"), name("BelowTimeInForce"): "GTC",
    }  # fmt: skip


async def test_an_oco_is_placed_found_and_cancelled_as_one(visitor: Visitor) -> None:
    placed = await place_list(visitor, "oco", side="SELL", quantity="0.1", listClientOrderId="L1", **around(visitor))
    assert placed.headers["X-MBX-ORDER-COUNT-10S"] == "2"
    body = placed.body
    assert (body["contingencyType"], body["listStatusType"], body["listOrderStatus"]) == (
        "OCO", "EXEC_STARTED", "EXECUTING"
    )  # fmt: skip
    assert [row["type"] for row in body["orderReports"]] == ["LIMIT_MAKER", "STOP_LOSS_LIMIT"]
    assert (await visitor.signed("GET", "orderList", origClientOrderId="L1")).body["orderListId"] == body["orderListId"]
    assert len((await visitor.signed("GET", "openOrderList")).body) == 1
    # To cancel one leg is to cancel the list.
    leg = body["orders"][1]["orderId"]
    gone = (await visitor.signed("DELETE", "order", symbol="BTCUSDT", orderId=leg)).body
    assert {row["status"] for row in gone["orderReports"]} == {"CANCELED"}
    assert (await visitor.signed("GET", "allOrderList")).body[0]["listOrderStatus"] == "ALL_DONE"
    again = await visitor.signed("DELETE", "orderList", symbol="BTCUSDT", listClientOrderId="L1")
    assert again.code == -2011


@pytest.mark.parametrize(
    ("kind", "pending"),
    [("oto", False), ("otoco", True), ("opo", False), ("opoco", True)],
)
async def test_legs_wait_for_the_working_order(visitor: Visitor, kind: str, pending: bool) -> None:
    working = {
        "workingType": "LIMIT", "workingSide": "BUY", "workingQuantity": "0.1", "workingTimeInForce": "GTC",
        "workingPrice": visitor.away("0.99"), "pendingSide": "SELL",
    }  # fmt: skip
    legs = (
        around(visitor, "pending") if pending else {"pendingType": "LIMIT_MAKER", "pendingPrice": visitor.away("1.1")}
    )
    quantity = {} if kind.startswith("opo") else {"pendingQuantity": "0.1"}
    reply = await place_list(visitor, kind, **working, **legs, **quantity)
    assert reply.status == 200, reply.body
    statuses = [row["status"] for row in reply.body["orderReports"]]
    assert statuses == ["NEW"] + ["PENDING_NEW"] * (len(statuses) - 1)
    assert len(statuses) == 3 if pending else 2
    cancelled = await visitor.signed("DELETE", "openOrders", symbol="BTCUSDT")
    assert len(cancelled.body) == 1
    assert len(cancelled.body[0]["orderReports"]) == len(statuses)


async def test_the_old_form_of_an_oco_still_works(visitor: Visitor) -> None:
    reply = await visitor.signed(
        "POST", "order/oco", symbol="BTCUSDT", side="SELL", quantity="0.1", price=visitor.away("1.05"),
        stopPrice=visitor.away("0.95"), stopLimitPrice=visitor.away("0.94"), stopLimitTimeInForce="GTC",
    )  # fmt: skip
    assert {row["type"] for row in reply.body["orderReports"]} == {"LIMIT_MAKER", "STOP_LOSS_LIMIT"}


@pytest.mark.parametrize(
    ("kind", "changes", "code"),
    [
        ("oco", {"abovePrice": 1}, -2010), ("oco", {"aboveType": "LIMIT"}, -1158), ("oco", {"quantity": None}, -1102),
        ("oco", {"aboveType": "NONE"}, -1116), ("oco", {"pendingSide": "BUY"}, -1104),
        ("oco", {"belowTimeInForce": None}, -1102), ("oco", {"side": "BUY"}, -1165),
    ],
)  # fmt: skip
async def test_a_wrong_list_is_refused_with_its_code(
    visitor: Visitor, kind: str, changes: dict[str, Any], code: int
) -> None:
    params = {"side": "SELL", "quantity": "0.1"} | around(visitor) | changes
    reply = await place_list(visitor, kind, **{name: value for name, value in params.items() if value is not None})
    assert (reply.status, reply.code) == (400, code), reply.body


async def test_orders_of_every_type_are_taken_and_shown_with_what_is_theirs(visitor: Visitor) -> None:
    wishes: list[tuple[dict[str, Any], set[str]]] = [
        ({"type": "STOP_LOSS", "side": "SELL", "stopPrice": visitor.away("0.9")}, {"stopPrice"}),
        ({"type": "TAKE_PROFIT", "side": "SELL", "stopPrice": visitor.away("1.1")}, {"stopPrice"}),
        ({"type": "TAKE_PROFIT_LIMIT", "side": "SELL", "stopPrice": visitor.away("1.1"), "price": visitor.away("1.1"),
          "timeInForce": "GTC"}, {"stopPrice"}),
        ({"type": "STOP_LOSS", "side": "SELL", "trailingDelta": 100}, {"trailingDelta", "trailingTime"}),
        ({"type": "LIMIT", "price": visitor.away("0.9"), "timeInForce": "GTC", "icebergQty": "0.005"}, {"icebergQty"}),
        ({"type": "LIMIT_MAKER", "price": visitor.away("0.9"), "strategyId": 7, "strategyType": 1_000_000},
         {"strategyId", "strategyType"}),
        ({"type": "LIMIT_MAKER", "side": "SELL", "pegPriceType": "PRIMARY_PEG", "pegOffsetType": "PRICE_LEVEL",
          "pegOffsetValue": 2}, {"pegPriceType", "pegOffsetType", "pegOffsetValue", "peggedPrice"}),
    ]  # fmt: skip
    for wish, extra in wishes:
        reply = await visitor.place(newOrderRespType="RESULT", **wish)
        assert reply.status == 200, reply.body
        assert extra <= set(reply.body)
    shown = (await visitor.signed("GET", "openOrders", symbol="BTCUSDT")).body
    assert [row["isWorking"] for row in shown] == [False] * 4 + [True] * 3


async def test_an_owner_is_kept_from_trading_with_himself_and_can_ask_about_it(visitor: Visitor) -> None:
    maker = (await visitor.limit(visitor.away("1.0001"), side="SELL", newOrderRespType="RESULT")).body
    taker = (await visitor.limit(visitor.away("1.001"), selfTradePreventionMode="EXPIRE_BOTH")).body
    if taker["status"] == "EXPIRED_IN_MATCH":
        found = await visitor.signed("GET", "myPreventedMatches", symbol="BTCUSDT", orderId=taker["orderId"])
        assert found.body[0]["makerOrderId"] == maker["orderId"]
    else:
        # The outside was better than the own order: then there was nothing to prevent.
        assert taker["status"] == "FILLED"
    assert (await visitor.signed("GET", "myPreventedMatches", symbol="BTCUSDT")).code == -1128
