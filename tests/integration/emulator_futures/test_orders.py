import json
from decimal import Decimal
from typing import Any

import pytest

REPLY = {
    "orderId", "symbol", "status", "clientOrderId", "price", "origQty", "executedQty", "cumQty", "timeInForce", "type",
    "reduceOnly", "closePosition", "side", "positionSide", "stopPrice", "workingType", "priceProtect", "origType",
    "priceMatch", "selfTradePreventionMode", "goodTillDate", "updateTime",
}  # fmt: skip


async def test_a_market_order_answers_as_it_was_taken_or_as_it_ended(visitor: Any) -> None:
    taken = (await visitor.place()).body
    ended = (await visitor.place(newOrderRespType="RESULT")).body
    assert (taken["status"], taken["executedQty"]) == ("NEW", "0.000")
    assert (ended["status"], ended["executedQty"]) == ("FILLED", "0.010")
    assert set(ended) == REPLY


async def test_a_fill_moves_the_position_and_is_among_the_trades(visitor: Any) -> None:
    order = (await visitor.place(newClientOrderId="mine-1")).body
    trades = (await visitor.signed("GET", "v1/userTrades", symbol="BTCUSDT")).body
    position = (await visitor.signed("GET", "v3/positionRisk")).body[0]
    asked = (await visitor.signed("GET", "v1/order", symbol="BTCUSDT", origClientOrderId="mine-1")).body
    assert [row["orderId"] for row in trades] == [order["orderId"]]
    assert (position["positionAmt"], position["symbol"]) == ("0.010", "BTCUSDT")
    assert "leverage" not in position
    assert Decimal(asked["avgPrice"]) == Decimal(trades[0]["price"])
    assert "cumQty" not in asked


async def test_a_limit_order_lives_until_it_is_cancelled(visitor: Any) -> None:
    order = (await visitor.limit(visitor.away("0.97"))).body
    resting = (await visitor.signed("GET", "v1/openOrders")).body
    one = (await visitor.signed("GET", "v1/openOrder", symbol="BTCUSDT", orderId=order["orderId"])).body
    gone = (await visitor.signed("DELETE", "v1/order", symbol="BTCUSDT", orderId=order["orderId"])).body
    again = await visitor.signed("DELETE", "v1/order", symbol="BTCUSDT", orderId=order["orderId"])
    missed = await visitor.signed("GET", "v1/openOrder", symbol="BTCUSDT", orderId=order["orderId"])
    every = (await visitor.signed("GET", "v1/allOrders", symbol="BTCUSDT")).body
    assert [row["orderId"] for row in resting] == [one["orderId"]] == [order["orderId"]]
    assert (gone["status"], again.code, missed.code) == ("CANCELED", -2011, -2013)
    assert [row["status"] for row in every] == ["CANCELED"]


async def test_a_changed_order_keeps_its_id_and_leaves_a_trace(visitor: Any) -> None:
    order = (await visitor.limit(visitor.away("0.97"))).body
    wanted = {"symbol": "BTCUSDT", "orderId": order["orderId"], "side": "BUY", "quantity": "0.020"}
    changed = (await visitor.signed("PUT", "v1/order", **wanted, price=visitor.away("0.98"))).body
    same = await visitor.signed("PUT", "v1/order", **wanted, price=visitor.away("0.98"))
    without = await visitor.signed("PUT", "v1/order", **wanted)
    trace = (await visitor.signed("GET", "v1/orderAmendment", symbol="BTCUSDT")).body
    assert (changed["orderId"], changed["origQty"]) == (order["orderId"], "0.020")
    assert (same.code, without.code) == (-5027, -1102)
    assert trace[0]["amendment"]["origQty"] == {"before": "0.010", "after": "0.020"}


async def test_a_batch_mixes_orders_and_refusals_in_their_places(visitor: Any) -> None:
    good = {
        "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.010",
        "price": str(visitor.away("0.97")),
    }  # fmt: skip
    rows: list[Any] = [good, good | {"quantity": "0.0101"}, good | {"type": "STOP"}, good | {"side": "UP"}]
    answer = (await visitor.signed("POST", "v1/batchOrders", batchOrders=json.dumps(rows))).body
    assert answer[0]["status"] == "NEW"
    assert [row["code"] for row in answer[1:]] == [-1111, -4120, -1117]
    six = await visitor.signed("POST", "v1/batchOrders", batchOrders=json.dumps([good] * 6))
    assert six.code == -4082
    ids = json.dumps([answer[0]["orderId"], 5])
    cancelled = (await visitor.signed("DELETE", "v1/batchOrders", symbol="BTCUSDT", orderIdList=ids)).body
    assert (cancelled[0]["status"], cancelled[1]["code"]) == ("CANCELED", -2011)


async def test_all_orders_of_a_symbol_go_at_once_and_conditional_ones_stay(visitor: Any) -> None:
    await visitor.limit(visitor.away("0.97"))
    await visitor.algo(type="STOP_MARKET", triggerPrice=visitor.away("0.9"))
    answer = await visitor.signed("DELETE", "v1/allOpenOrders", symbol="BTCUSDT")
    assert answer.body["code"] == 200
    assert (await visitor.signed("GET", "v1/openOrders")).body == []
    assert len((await visitor.signed("GET", "v1/openAlgoOrders")).body) == 1


async def test_a_countdown_cancels_when_it_is_not_renewed(visitor: Any, emulator: Any) -> None:
    await visitor.limit(visitor.away("0.97"))
    answer = await visitor.signed("POST", "v1/countdownCancelAll", symbol="BTCUSDT", countdownTime=60_000)
    assert answer.body == {"symbol": "BTCUSDT", "countdownTime": "60000"}
    emulator.world.clock.set(emulator.world.clock.now_ms + 59_000)
    assert len(visitor.venue.exchange.open_orders("account-1")) == 1
    emulator.world.clock.set(emulator.world.clock.now_ms + 2_000)
    assert visitor.venue.exchange.open_orders("account-1") == []


async def test_an_order_with_a_date_goes_by_server_time(visitor: Any, emulator: Any) -> None:
    clock = emulator.world.clock
    clock.run_at(0)
    dated = {"timeInForce": "GTD", "timestamp": clock.now_ms}
    near = await visitor.limit(visitor.away("0.97"), goodTillDate=clock.now_ms + 600_000, **dated)
    taken = await visitor.limit(visitor.away("0.97"), goodTillDate=clock.now_ms + 700_000, **dated)
    assert (near.code, taken.status) == (-5040, 200)
    clock.set(taken.body["goodTillDate"] - 1)
    assert len(visitor.venue.exchange.open_orders("account-1")) == 1
    clock.set(taken.body["goodTillDate"])
    ended = visitor.venue.exchange.order("account-1", "BTCUSDT", order_id=taken.body["orderId"])
    assert ended.state == "EXPIRED"


async def test_in_market_time_a_date_is_one_of_the_market(make_visitor: Any) -> None:
    visitor, _ = await make_visitor(one_clock=True, ticks_per_candle=2)
    clock = visitor.emulator.world.clock
    dated = {"timeInForce": "GTD", "timestamp": clock.now_ms}
    order = (await visitor.limit(visitor.away("0.9"), goodTillDate=clock.now_ms + 660_000, **dated)).body
    while clock.now_ms < order["goodTillDate"]:
        await visitor.emulator.step()
    ended = visitor.venue.exchange.order("account-1", "BTCUSDT", order_id=order["orderId"])
    assert (ended.state, ended.updated_ms) == ("EXPIRED", order["goodTillDate"])


async def test_in_market_time_a_countdown_runs_out_between_two_prices_at_its_own_moment(make_visitor: Any) -> None:
    visitor, _ = await make_visitor(one_clock=True, ticks_per_candle=2)
    clock = visitor.emulator.world.clock
    order = (await visitor.limit(visitor.away("0.97"), timestamp=clock.now_ms)).body
    when = {"countdownTime": 40_000, "timestamp": clock.now_ms}
    assert (await visitor.signed("POST", "v1/countdownCancelAll", symbol="BTCUSDT", **when)).status == 200
    began_ms = clock.now_ms
    await visitor.emulator.step()
    asked = visitor.venue.exchange.order("account-1", "BTCUSDT", order_id=order["orderId"])
    assert (asked.state, asked.updated_ms) == ("CANCELED", began_ms + 40_000)


async def test_a_batch_counts_five_in_ten_seconds_and_one_in_a_minute(visitor: Any) -> None:
    visitor.emulator.world.clock.run_at(0)  # both requests in one window
    clock_ms = visitor.emulator.world.clock.now_ms
    good = {
        "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.010",
        "price": str(visitor.away("0.97")),
    }  # fmt: skip
    reply = await visitor.signed("POST", "v1/batchOrders", batchOrders=json.dumps([good, good]), timestamp=clock_ms)
    changes = [
        {
            "symbol": "BTCUSDT", "side": "BUY", "orderId": row["orderId"], "quantity": "0.020",
            "price": str(visitor.away("0.97")),
        }
        for row in reply.body
    ]  # fmt: skip
    changed = await visitor.signed("PUT", "v1/batchOrders", batchOrders=json.dumps(changes), timestamp=clock_ms)
    shown = [[one.headers[f"X-MBX-ORDER-COUNT-{name}"] for name in ("10S", "1M")] for one in (reply, changed)]
    assert [row["origQty"] for row in changed.body] == ["0.020", "0.020"]
    assert shown == [["5", "1"], ["10", "2"]]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"type": "STOP_MARKET", "stopPrice": "1"}, -4120),
        ({"type": "FOO"}, -1116),
        ({"side": "UP"}, -1117),
        ({"timeInForce": "GTC"}, -1106),
        ({"type": "LIMIT", "price": "1000"}, -1102),
        ({"type": "LIMIT", "price": "1000", "timeInForce": "ABC"}, -1115),
        ({"quantity": "0"}, -4003),
        ({"quantity": "0.0001"}, -1111),
        ({"quantity": "x"}, -1100),
        ({"quantity": None}, -1102),
        ({"quantity": "100000"}, -4005),
        ({"symbol": "NOPE"}, -1121),
        ({"positionSide": "LONG"}, -4061),
        ({"positionSide": "UP"}, -4060),
        ({"reduceOnly": "true"}, -2022),
        ({"newClientOrderId": "x" * 37}, -4015),
        ({"newClientOrderId": "a b"}, -1100),
        ({"newOrderRespType": "FULL"}, -1136),
        ({"selfTradePreventionMode": "MAYBE"}, -5039),
        ({"workingType": "LAST"}, -4031),
        ({"unheardOf": "1"}, -1104),
        ({"quantity": "120"}, -2019),
    ],
)
async def test_wrong_orders_get_the_documented_code(visitor: Any, changes: dict[str, Any], code: int) -> None:
    reply = await visitor.place(**changes)
    assert (reply.status, reply.code) == (400, code), reply.body


async def test_order_counts_are_shown_and_every_order_counts(visitor: Any) -> None:
    first = await visitor.place()
    second = await visitor.place()
    assert first.headers["X-MBX-ORDER-COUNT-1M"] == "1"
    assert second.headers["X-MBX-ORDER-COUNT-10S"] in {"1", "2"}


async def test_two_customers_meet_between_the_prices_of_the_outside(make_visitor: Any) -> None:
    visitor, other = await make_visitor(spread_ticks=10)
    await visitor.emulator.step()
    price = visitor.price() + Decimal("0.5")
    await visitor.limit(price, quantity="0.050")
    taken = (await other.limit(price, side="SELL", quantity="0.050", newOrderRespType="RESULT")).body
    trades = [(await one.signed("GET", "v1/userTrades", symbol="BTCUSDT")).body[0] for one in (visitor, other)]
    assert taken["status"] == "FILLED"
    assert [(row["maker"], Decimal(row["price"])) for row in trades] == [(True, price), (False, price)]
    assert trades[0]["id"] == trades[1]["id"]


async def test_a_conditional_order_waits_fires_and_becomes_an_order(visitor: Any, connect: Any) -> None:
    await visitor.place(quantity="0.010")
    events = await visitor.listen(connect)
    trigger = visitor.away("0.99")
    placed = (await visitor.algo(type="STOP_MARKET", triggerPrice=trigger, clientAlgoId="stop-1")).body
    waiting = (await visitor.signed("GET", "v1/algoOrder", clientAlgoId="stop-1")).body
    visitor.move(visitor.away("0.985"))
    done = (await visitor.signed("GET", "v1/algoOrder", algoId=placed["algoId"])).body
    order = (await visitor.signed("GET", "v1/order", symbol="BTCUSDT", origClientOrderId="stop-1")).body
    states = [(await events.event("ALGO_UPDATE"))["o"]["X"] for _ in range(4)]
    assert (placed["algoStatus"], waiting["actualOrderId"]) == ("NEW", "")
    assert done["actualOrderId"] == str(order["orderId"])
    assert (order["status"], order["type"], order["origType"]) == ("FILLED", "MARKET", "STOP_MARKET")
    assert states == ["NEW", "TRIGGERING", "TRIGGERED", "FINISHED"]


async def test_a_conditional_order_can_be_cancelled_once(visitor: Any) -> None:
    placed = (await visitor.algo(type="TAKE_PROFIT_MARKET", triggerPrice=visitor.away("1.05"))).body
    gone = (await visitor.signed("DELETE", "v1/algoOrder", algoId=placed["algoId"])).body
    again = await visitor.signed("DELETE", "v1/algoOrder", symbol="BTCUSDT", algoId=placed["algoId"])
    assert gone == {
        "algoId": placed["algoId"], "clientAlgoId": placed["clientAlgoId"], "code": "200", "msg": "success"
    }  # fmt: skip
    assert again.code == -2011
    assert [row["algoStatus"] for row in (await visitor.signed("GET", "v1/allAlgoOrders", symbol="BTCUSDT")).body] == [
        "CANCELED"
    ]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"type": "MARKET"}, -1116),
        ({"type": "STOP_MARKET"}, -1102),
        ({"type": "STOP_MARKET", "triggerPrice": "1000000"}, -2021),
        ({"type": "STOP_MARKET", "triggerPrice": "30000", "closePosition": "true"}, -4137),
        ({"type": "TRAILING_STOP_MARKET", "callbackRate": "50"}, -1130),
        ({"type": "STOP_MARKET", "triggerPrice": "30000", "algoType": "VP"}, -1130),
        ({"type": "STOP_MARKET", "stopPrice": "30000"}, -1106),
    ],
)
async def test_wrong_conditional_orders_get_the_documented_code(
    visitor: Any, changes: dict[str, Any], code: int
) -> None:
    assert (await visitor.algo(**changes)).code == code


async def test_a_symbol_that_is_settling_takes_no_orders_and_says_so(visitor: Any) -> None:
    visitor.venue.set_status("BTCUSDT", "SETTLING")
    shown = (await visitor.get("v1/exchangeInfo")).body["symbols"]
    assert [row["status"] for row in shown] == ["SETTLING", "TRADING"]
    assert (await visitor.place()).code == -4140
    visitor.venue.set_status("BTCUSDT", "CLOSE")
    assert (await visitor.place()).code == -4141


async def test_a_price_can_be_taken_from_the_book(visitor: Any) -> None:
    await visitor.emulator.step()
    order = await visitor.limit(None, priceMatch="QUEUE_20")
    assert Decimal(order.body["price"]) == visitor.price() - Decimal(2)
    assert (await visitor.limit(None, priceMatch="OPPONENT_20")).code == -5037


async def test_the_truth_book_begins_with_what_everybody_owns(visitor: Any) -> None:
    rows = visitor.emulator.world.truth.read(face="um", kind="balance")
    assert [(row["account"], row["asset"], row["wallet"]) for row in rows] == [
        ("account-1", "USDT", "100000"), ("account-1", "BNB", "10"), ("account-2", "USDT", "50000")
    ]  # fmt: skip
