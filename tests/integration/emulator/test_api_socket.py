from decimal import Decimal
from typing import Any

import pytest

PATH = "/ws-api/v3"
ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"}


async def test_public_questions_are_answered_in_the_envelope(visitor: Any, connect: Any) -> None:
    api = await connect(PATH)
    answer = await api.ask({"id": "r-1", "method": "ticker.price", "params": {"symbol": "BTCUSDT"}})
    assert (answer["id"], answer["status"]) == ("r-1", 200)
    assert Decimal(answer["result"]["price"]) == visitor.price()
    (limit,) = answer["rateLimits"]
    assert (limit["rateLimitType"], limit["limit"], limit["count"]) == ("REQUEST_WEIGHT", 6_000, 4)
    rest = (await visitor.get("klines?symbol=BTCUSDT&interval=1m&limit=3")).body
    assert (await api.call("v3/klines", symbol="BTCUSDT", interval="1m", limit=3))["result"] == rest
    assert (await api.call("ping"))["result"] == {}
    assert (await api.call("exchangeInfo", symbols=["BTCUSDT"]))["result"]["symbols"][0]["symbol"] == "BTCUSDT"


async def test_rate_limits_are_left_out_on_request(visitor: Any, connect: Any) -> None:
    quiet = await connect(f"{PATH}?returnRateLimits=false")
    assert "rateLimits" not in await quiet.call("time")
    assert "rateLimits" in await quiet.call("time", returnRateLimits=True)
    assert "rateLimits" not in await (await connect(PATH)).call("time", returnRateLimits=False)


async def test_an_order_lives_through_the_socket_and_its_events(visitor: Any, connect: Any) -> None:
    api = await connect(PATH)
    subscribed = await api.signed("userDataStream.subscribe.signature")
    assert subscribed["result"] == {"subscriptionId": 0}
    price = str(visitor.away("0.9"))
    limit = ORDER | {"type": "LIMIT", "timeInForce": "GTC", "price": price, "newClientOrderId": "one"}
    placed = (await api.signed("order.place", **limit))["result"]
    assert (placed["status"], placed["clientOrderId"]) == ("NEW", "one")
    found = await api.signed("order.status", symbol="BTCUSDT", origClientOrderId="one")
    assert found["result"]["orderId"] == placed["orderId"]
    assert len((await api.signed("openOrders.status"))["result"]) == 1
    gone = (await api.signed("order.cancel", symbol="BTCUSDT", orderId=placed["orderId"]))["result"]
    assert gone["status"] == "CANCELED"
    assert all(event["subscriptionId"] == 0 for event in api.events)
    events = [event["event"] for event in api.events]
    assert [(event["e"], event.get("x")) for event in events] == [
        ("executionReport", "NEW"), ("outboundAccountPosition", None),
        ("executionReport", "CANCELED"), ("outboundAccountPosition", None),
    ]  # fmt: skip
    assert (events[2]["C"], events[2]["c"]) == ("one", gone["clientOrderId"])
    assert [row["a"] for row in events[1]["B"]] == ["BTC", "USDT"]
    assert Decimal(events[1]["B"][1]["l"]) == Decimal(price) / 100


async def test_a_resting_order_that_the_market_reaches_is_told(visitor: Any, connect: Any) -> None:
    api = await connect(PATH)
    await api.signed("userDataStream.subscribe.signature")
    await visitor.limit(visitor.price() - Decimal("0.01"), newClientOrderId="near")
    seen: list[Any] = []
    for _ in range(500):
        await visitor.emulator.step()
        if visitor.emulator.venue.exchange.open_orders("account-1") == []:
            break
    while not seen or seen[-1]["e"] != "executionReport" or seen[-1]["X"] != "FILLED":
        seen.append((await api.frame())["event"])
    filled = seen[-1]
    assert (filled["x"], filled["c"], filled["m"]) == ("TRADE", "near", True)
    assert filled["T"] <= visitor.emulator.venue.now_ms


async def test_events_go_only_to_their_owner_and_end_with_the_subscription(visitor: Any, connect: Any) -> None:
    mine, others = await connect(PATH), await connect(PATH)
    await mine.signed("userDataStream.subscribe.signature")
    await others.signed("userDataStream.subscribe.signature", key="other-key", secret="other-secret")
    await visitor.place()
    assert (await mine.frame())["event"]["x"] == "NEW"
    assert (await mine.call("session.subscriptions"))["result"] == [{"subscriptionId": 0}]
    ended = await mine.call("userDataStream.unsubscribe", subscriptionId=0)
    assert ended["result"] == {}
    assert mine.events[-1]["event"]["e"] == "eventStreamTerminated"
    await visitor.place()
    assert (await mine.call("ping"))["result"] == {}
    assert mine.events[-1]["event"]["e"] == "eventStreamTerminated"
    assert (await others.call("ping"))["result"] == {}
    assert others.events == []


async def test_subscribing_twice_or_unsubscribing_nothing_is_refused(connect: Any) -> None:
    api = await connect(PATH)
    await api.signed("userDataStream.subscribe.signature")
    again = await api.signed("userDataStream.subscribe.signature")
    assert (again["status"], again["error"]["code"]) == (400, -2035)
    assert (await api.call("userDataStream.unsubscribe", subscriptionId=7))["error"]["code"] == -2036
    await api.call("userDataStream.unsubscribe")
    assert (await api.signed("userDataStream.subscribe.signature"))["result"] == {"subscriptionId": 1}


async def test_numbers_are_signed_as_they_were_written(connect: Any) -> None:
    api = await connect(PATH)
    answer = await api.signed("order.place", **(ORDER | {"quantity": 0.01, "recvWindow": 3000}))
    assert answer["result"]["status"] == "FILLED"


async def test_a_wish_about_rate_limits_is_signed_with_the_rest(connect: Any) -> None:
    api = await connect(PATH)
    answer = await api.signed("order.place", **ORDER, returnRateLimits="false")
    assert answer["status"] == 200
    assert "rateLimits" not in answer


async def test_balances_fees_fills_and_counts_are_told(connect: Any) -> None:
    api = await connect(PATH)
    await api.signed("order.place", **ORDER)
    assert len((await api.signed("myTrades", symbol="BTCUSDT"))["result"]) == 1
    held = (await api.signed("account.status", omitZeroBalances="true"))["result"]["balances"]
    assert [row["asset"] for row in held] == ["BTC", "USDT"]
    assert (await api.signed("account.commission", symbol="BTCUSDT"))["result"]["symbol"] == "BTCUSDT"
    assert len((await api.signed("account.rateLimits.orders"))["result"]) == 2


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        ("{", -1135), ("[]", -1102), ('{"id":1}', -1102), ('{"id":1,"method":"nope"}', -1100),
        ('{"id":1,"method":"ping","params":[1]}', -1135), ('{"id":1,"method":"ping","params":{"x":1}}', -1104),
        ('{"id":1,"method":"klines","params":{"symbol":"BTCUSDT"}}', -1102),
        ('{"id":1,"method":"order.place","params":{"symbol":"BTCUSDT"}}', -1102),
        ('{"id":1,"method":"account.status","params":{"timestamp":1,"signature":"0"}}', -2014),
        ('{"id":1,"method":"account.status","params":{"timestamp":1,"signature":"0","apiKey":"x"}}', -2015),
        ('{"id":1,"method":"depth","params":{"symbol":"\\ud800"}}', -1135),
        ('{"id":1,"method":"ping","params":{"a":' + "[" * 5_000 + "]" * 5_000 + "}}", -1135),
    ],
)  # fmt: skip
async def test_a_wrong_request_is_refused_and_the_connection_lives(connect: Any, request_: str, code: int) -> None:
    api = await connect(PATH)
    answer = await api.ask(request_)
    assert answer["error"]["code"] == code
    assert answer["status"] in {400, 401}
    assert (await api.call("ping"))["status"] == 200


async def test_too_much_weight_says_when_to_come_back(make_emulator: Any, visitor: Any, connect: Any) -> None:
    visitor.emulator = await make_emulator(weight_per_minute=25)
    api = await connect(PATH)
    answers = [await api.call("exchangeInfo") for _ in range(3)]
    assert answers[-1]["status"] == 429
    assert answers[-1]["error"]["data"]["retryAfter"] % 60_000 == 0
