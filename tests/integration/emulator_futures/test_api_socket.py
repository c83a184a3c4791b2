from decimal import Decimal
from typing import Any


async def test_orders_go_over_the_socket_as_over_rest(visitor: Any, connect: Any) -> None:
    socket = await connect("/ws-fapi/v1")
    price = str(visitor.away("0.97"))
    placed = await socket.signed(
        "order.place", symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="0.010", price=price
    )
    number = placed["result"]["orderId"]
    changed = await socket.signed(
        "order.modify", symbol="BTCUSDT", side="BUY", orderId=number, quantity="0.020", price=price
    )
    asked = await socket.signed("order.status", symbol="BTCUSDT", orderId=number)
    gone = await socket.signed("order.cancel", symbol="BTCUSDT", orderId=number)
    again = await socket.signed("order.cancel", symbol="BTCUSDT", orderId=number)
    assert placed["status"] == changed["status"] == 200
    assert (asked["result"]["origQty"], gone["result"]["status"]) == ("0.020", "CANCELED")
    assert (again["status"], again["error"]["code"]) == (400, -2011)
    assert {row["rateLimitType"] for row in placed["rateLimits"]} == {"ORDERS", "REQUEST_WEIGHT"}
    assert next(row["limit"] for row in changed["rateLimits"] if row["interval"] == "SECOND") == 300


async def test_conditional_orders_go_over_the_socket(visitor: Any, connect: Any) -> None:
    socket = await connect("/ws-fapi/v1")
    placed = await socket.signed(
        "algoOrder.place", algoType="CONDITIONAL", symbol="BTCUSDT", side="SELL", type="STOP_MARKET", quantity="0.010",
        triggerPrice=str(visitor.away("0.9")),
    )  # fmt: skip
    gone = await socket.signed("algoOrder.cancel", algoId=placed["result"]["algoId"])
    assert (placed["result"]["algoStatus"], gone["result"]["code"]) == ("NEW", "200")


async def test_accounts_are_asked_in_both_versions(visitor: Any, connect: Any) -> None:
    socket = await connect("/ws-fapi/v1")
    await visitor.place()
    old, new = [(await socket.signed(name))["result"] for name in ("account.status", "v2/account.status")]
    assert (len(old["positions"]), len(new["positions"])) == (2, 1)
    balances = (await socket.signed("v2/account.balance"))["result"]
    assert Decimal(balances[0]["balance"]) == Decimal(new["assets"][0]["walletBalance"])
    risks = [(await socket.signed(name))["result"] for name in ("account.position", "v2/account.position")]
    assert [len(rows) for rows in risks] == [2, 1]


async def test_listen_keys_are_got_over_the_socket(visitor: Any, connect: Any) -> None:
    socket = await connect("/ws-fapi/v1")
    key = (await socket.call("userDataStream.start", apiKey=visitor.key))["result"]["listenKey"]
    assert (await socket.call("userDataStream.ping", apiKey=visitor.key))["result"]["listenKey"] == key
    assert (await socket.call("userDataStream.stop", apiKey=visitor.key))["result"] == {}
    assert (await socket.call("userDataStream.ping", apiKey=visitor.key))["error"]["code"] == -1125


async def test_public_methods_and_unknown_ones(visitor: Any, connect: Any) -> None:
    socket = await connect("/ws-fapi/v1")
    assert (await socket.call("ticker.price", symbol="BTCUSDT"))["result"]["symbol"] == "BTCUSDT"
    assert len((await socket.call("ticker.book"))["result"]) == 2
    assert len((await socket.call("depth", symbol="BTCUSDT", limit=5))["result"]["bids"]) == 5
    assert (await socket.signed("ticker.book", symbol="BTCUSDT"))["result"]["symbol"] == "BTCUSDT"
    assert (await socket.call("klines", symbol="BTCUSDT"))["status"] == 400


async def test_a_shared_secret_cannot_log_on(connect: Any) -> None:
    socket = await connect("/ws-fapi/v1")
    assert (await socket.signed("session.logon"))["error"]["code"] == -2028
    assert (await socket.call("session.status"))["result"]["apiKey"] is None
