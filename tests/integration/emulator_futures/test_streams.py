import asyncio
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from bot.emulator.config import AccountConfig
from bot.emulator.unverified import Unverified

from .conftest import KEY, SECRET


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("/market/ws/btcusdt@kline_1m", {"e", "E", "s", "k"}),
        ("/market/ws/btcusdt_perpetual@continuousKline_1m", {"e", "E", "ps", "ct", "k"}),
        ("/market/ws/btcusdt@aggTrade", {"e", "E", "s", "a", "p", "q", "nq", "f", "l", "T", "m", "st"}),
        ("/market/ws/btcusdt@markPrice@1s", {"e", "E", "s", "p", "ap", "i", "P", "r", "T", "st"}),
        ("/market/ws/btcusdt@miniTicker", {"e", "E", "s", "ps", "c", "o", "h", "l", "v", "q", "st"}),
        ("/public/ws/btcusdt@bookTicker", {"e", "E", "T", "u", "s", "ps", "b", "B", "a", "A", "st"}),
        ("/public/ws/btcusdt@depth@100ms", {"e", "E", "T", "s", "ps", "U", "u", "pu", "b", "a", "st"}),
        ("/public/ws/btcusdt@depth5", {"e", "E", "T", "s", "ps", "U", "u", "pu", "b", "a", "st"}),
        ("/ws/btcusdt@bookTicker", {"e", "E", "T", "u", "s", "ps", "b", "B", "a", "A", "st"}),
    ],
)
async def test_each_stream_speaks_on_its_own_route(visitor: Any, connect: Any, path: str, keys: set[str]) -> None:
    socket = await connect(path)
    await visitor.emulator.step()
    assert set(await socket.frame()) == keys


async def test_combined_frames_name_their_stream(visitor: Any, connect: Any) -> None:
    socket = await connect("/market/stream?streams=!markPrice@arr/ethusdt@ticker")
    await visitor.emulator.step()
    frames = [await socket.frame() for _ in range(2)]
    assert {frame["stream"] for frame in frames} == {"!markPrice@arr", "ethusdt@ticker"}
    everything = next(frame["data"] for frame in frames if frame["stream"].startswith("!"))
    assert [row["s"] for row in everything] == ["BTCUSDT", "ETHUSDT"]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/public/ws", "btcusdt@kline_1m"),
        ("/market/ws", "btcusdt@bookTicker"),
        ("/private/ws", "btcusdt@bookTicker"),
        ("/ws", "btcusdt@aggTrade"),
        ("/market/ws", "btcusdt@such"),
    ],
)
async def test_a_stream_on_the_wrong_route_is_acknowledged_and_stays_silent(
    visitor: Any, connect: Any, path: str, name: str
) -> None:
    socket = await connect(path)
    assert await socket.ask({"method": "SUBSCRIBE", "params": [name], "id": 7}) == {"result": None, "id": 7}
    await visitor.emulator.step()
    assert await socket.ask({"method": "LIST_SUBSCRIPTIONS", "id": 8}) == {"result": [name], "id": 8}


async def test_depth_frames_make_an_unbroken_chain(visitor: Any, connect: Any) -> None:
    socket = await connect("/public/ws/btcusdt@depth")
    for _ in range(4):
        await visitor.emulator.step()
    frames = [await socket.frame() for _ in range(9)]
    assert all(later["pu"] == earlier["u"] < later["U"] for earlier, later in pairwise(frames))


async def test_the_mark_price_stays_near_the_last_one_and_moves_with_it(visitor: Any, connect: Any) -> None:
    socket = await connect("/market/ws/btcusdt@markPrice")
    marks = []
    for _ in range(2):
        await visitor.emulator.step()
        marks += [await socket.frame() for _ in range(4)]
    assert len({mark["p"] for mark in marks}) > 1
    assert abs(Decimal(marks[-1]["p"]) / visitor.price() - 1) < Decimal("0.001")
    assert marks[-1]["T"] > marks[-1]["E"]


async def test_a_market_fill_is_told_on_the_fast_path_before_the_order_is_told_as_new(
    visitor: Any, connect: Any
) -> None:
    events = await visitor.listen(connect)
    await visitor.place(newClientOrderId="told-1")
    told = [await events.frame() for _ in range(4)]
    assert [event["e"] for event in told] == [
        "TRADE_LITE", "ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE"
    ]  # fmt: skip
    assert [told[1]["o"]["x"], told[3]["o"]["x"], told[3]["o"]["X"]] == ["NEW", "TRADE", "FILLED"]
    assert told[2]["a"]["m"] == "ORDER"
    assert (told[2]["a"]["P"][0]["pa"], told[2]["a"]["B"][0]["a"]) == ("0.01", "USDT")
    assert Decimal(told[2]["a"]["B"][0]["bc"]) == 0
    assert len({event["T"] for event in told}) == 1


async def test_a_cancel_is_told_without_an_account_update(visitor: Any, connect: Any) -> None:
    order = (await visitor.limit(visitor.away("0.97"))).body
    events = await visitor.listen(connect)
    await visitor.signed("DELETE", "v1/order", symbol="BTCUSDT", orderId=order["orderId"])
    await visitor.signed("POST", "v1/leverage", symbol="BTCUSDT", leverage=7)
    told = [await events.frame() for _ in range(2)]
    assert [event["e"] for event in told] == ["ORDER_TRADE_UPDATE", "ACCOUNT_CONFIG_UPDATE"]
    assert told[0]["o"]["X"] == "CANCELED"
    assert told[1]["ac"] == {"s": "BTCUSDT", "l": 7}


@pytest.mark.parametrize("route", ["/private/ws?listenKey=", "/private/ws/", "/ws/", "/ws?listenKey="])
async def test_user_events_come_over_every_address_of_old_and_new(visitor: Any, connect: Any, route: str) -> None:
    events = await visitor.listen(connect, route)
    await visitor.signed("POST", "v1/leverage", symbol="BTCUSDT", leverage=5)
    assert (await events.frame())["e"] == "ACCOUNT_CONFIG_UPDATE"


async def test_user_events_are_wrapped_with_the_key_on_a_combined_socket(visitor: Any, connect: Any) -> None:
    key = (await visitor.raw("POST", "/fapi/v1/listenKey", key=visitor.key)).body["listenKey"]
    socket = await connect("/private/stream")
    assert (await socket.ask({"method": "SUBSCRIBE", "params": [key], "id": 1}))["result"] is None
    await visitor.signed("POST", "v1/leverage", symbol="BTCUSDT", leverage=5)
    frame = await socket.frame()
    assert (frame["stream"], frame["data"]["e"]) == (key, "ACCOUNT_CONFIG_UPDATE")


async def test_only_the_wanted_kinds_of_events_come(visitor: Any, connect: Any) -> None:
    key = (await visitor.raw("POST", "/fapi/v1/listenKey", key=visitor.key)).body["listenKey"]
    socket = await connect(f"/private/ws?listenKey={key}&events=ACCOUNT_UPDATE/TRADE_LITE")
    await visitor.place()
    assert [(await socket.frame())["e"] for _ in range(2)] == ["TRADE_LITE", "ACCOUNT_UPDATE"]


async def test_a_listen_key_is_kept_extended_and_ended(visitor: Any) -> None:
    async def call(method: str) -> Any:
        return await visitor.raw(method, "/fapi/v1/listenKey", key=visitor.key)

    key = (await call("POST")).body["listenKey"]
    assert len(key) == 64
    assert (await call("POST")).body == (await call("PUT")).body == {"listenKey": key}
    assert (await call("DELETE")).body == {}
    assert (await call("PUT")).code == -1125
    assert (await call("POST")).body["listenKey"] != key


async def test_a_listen_key_expires_after_an_hour_and_says_so(visitor: Any, connect: Any) -> None:
    events = await visitor.listen(connect)
    clock = visitor.emulator.world.clock
    clock.set(clock.now_ms + 3_599_000)
    assert visitor.venue.users.accounts == ["account-1"]
    clock.set(clock.now_ms + 2_000)
    assert (await events.frame())["e"] == "listenKeyExpired"
    assert visitor.venue.users.accounts == []


async def test_a_liquidation_is_seen_by_its_owner_and_by_everybody(visitor: Any, connect: Any) -> None:
    public = await connect("/market/ws/!forceOrder@arr")
    await visitor.signed("POST", "v1/leverage", symbol="BTCUSDT", leverage=20)
    await visitor.signed("POST", "v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")
    await visitor.place(quantity="1.000")
    events = await visitor.listen(connect)
    visitor.move(visitor.away("0.94"))
    forced = await public.frame()
    told = await events.event("ORDER_TRADE_UPDATE")
    rows = (await visitor.signed("GET", "v1/forceOrders", symbol="BTCUSDT")).body
    assert (forced["o"]["S"], forced["o"]["s"]) == ("SELL", "BTCUSDT")
    assert told["o"]["c"].startswith("autoclose-")
    assert rows[0]["clientOrderId"].startswith("autoclose-")
    assert (await visitor.signed("GET", "v3/positionRisk")).body == []


async def test_a_new_margin_type_is_told_with_the_position_it_holds_for(visitor: Any, connect: Any) -> None:
    events = await visitor.listen(connect)
    await visitor.signed("POST", "v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")
    told = (await events.event("ACCOUNT_UPDATE"))["a"]
    assert (told["m"], told["B"]) == ("MARGIN_TYPE_CHANGE", [])
    assert [(row["s"], row["pa"], row["mt"], row["ps"]) for row in told["P"]] == [("BTCUSDT", "0", "isolated", "BOTH")]


async def test_a_margin_call_comes_before_a_liquidation(visitor: Any, connect: Any) -> None:
    await visitor.signed("POST", "v1/leverage", symbol="BTCUSDT", leverage=50)
    await visitor.signed("POST", "v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")
    await visitor.place(quantity="0.100")
    events = await visitor.listen(connect)
    visitor.move(visitor.away("0.9846"))
    called = await events.event("MARGIN_CALL")
    assert [(row["s"], row["pa"], row["mt"]) for row in called["p"]] == [("BTCUSDT", "0.1", "ISOLATED")]
    assert (await visitor.signed("GET", "v3/positionRisk")).body


async def test_a_large_position_goes_step_by_step_and_each_step_is_told(make_visitor: Any) -> None:
    rich = AccountConfig(KEY, SECRET, {"USDT": Decimal(20_000_000)})
    visitor, _ = await make_visitor(accounts=(rich,))
    await visitor.signed("POST", "v1/leverage", symbol="BTCUSDT", leverage=10)
    await visitor.signed("POST", "v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")
    for quantity in ("1000", "200"):  # beyond 100,000,000, where the sixth bracket ends
        await visitor.limit(visitor.price(), quantity=quantity)
    before = (await visitor.signed("GET", "v3/positionRisk")).body[0]
    key = (await visitor.raw("POST", "/fapi/v1/listenKey", key=visitor.key)).body["listenKey"]
    async with visitor.session.ws_connect(f"{visitor.emulator.um_stream_url}/private/ws/{key}") as socket:
        visitor.move(Decimal(before["liquidationPrice"]).quantize(Decimal("0.1")) - Decimal("0.1"))
        events = [await asyncio.wait_for(socket.receive_json(), 5)]
        while events[-1].get("a", {}).get("m") != "INSURANCE_CLEAR":
            events.append(await asyncio.wait_for(socket.receive_json(), 5))
    left = (await visitor.signed("GET", "v3/positionRisk")).body[0]
    told = [event["o"] for event in events if event["e"] == "ORDER_TRADE_UPDATE"]
    updates = [event["a"] for event in events if event["e"] == "ACCOUNT_UPDATE"]
    assert [(one["x"], one["X"]) for one in told] == [("NEW", "NEW"), ("CALCULATED", "FILLED")]
    assert told[1]["c"] == f"autoclose-{told[1]['i']}"
    assert Decimal(told[1]["z"]) + Decimal(left["positionAmt"]) == 1200
    assert Decimal("99900000") < Decimal(left["notional"]) <= 100_000_000
    assert [one["m"] for one in updates] == ["ORDER", "INSURANCE_CLEAR"]
    assert Decimal(updates[1]["B"][0]["bc"]) == -(Decimal(told[1]["z"]) * Decimal(told[1]["L"]) * Decimal("0.0125"))
    assert len((await visitor.signed("GET", "v1/forceOrders")).body) == 1


async def test_a_winner_is_deleveraged_when_the_fund_is_empty(make_visitor: Any) -> None:
    visitor, other = await make_visitor(insurance_fund={})
    for one, side in ((visitor, "BUY"), (other, "SELL")):
        await one.signed("POST", "v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")
        await one.place(quantity="1.000", side=side)
    shown = (await other.signed("GET", "v1/adlQuantile", symbol="BTCUSDT")).body
    assert shown == [{"symbol": "BTCUSDT", "adlQuantile": {"BOTH": 0, "LONG": 0, "SHORT": 0}}]
    key = (await other.raw("POST", "/fapi/v1/listenKey", key=other.key)).body["listenKey"]
    async with other.session.ws_connect(f"{visitor.emulator.um_stream_url}/private/ws/{key}") as socket:
        visitor.move(visitor.away("0.90"))
        told = [await asyncio.wait_for(socket.receive_json(), 5) for _ in range(4)]
    last = told[-1]["o"]
    assert [event["e"] for event in told] == [
        "TRADE_LITE", "ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE", "ORDER_TRADE_UPDATE"
    ]  # fmt: skip
    assert (last["c"], last["x"], last["X"], last["S"], last["n"]) == (
        "adl_autoclose",
        "CALCULATED",
        "FILLED",
        "BUY",
        "0",
    )
    assert (await other.signed("GET", "v3/positionRisk")).body == []
    forced = [(await other.signed("GET", "v1/forceOrders", autoCloseType=kind)).body for kind in ("ADL", "LIQUIDATION")]
    assert [len(rows) for rows in forced] == [1, 0]
    trades = [(await one.signed("GET", "v1/userTrades", symbol="BTCUSDT")).body[-1] for one in (visitor, other)]
    assert trades[0]["id"] == trades[1]["id"] == last["t"]


async def test_funding_is_paid_at_its_hour_and_told(make_visitor: Any) -> None:
    visitor, _ = await make_visitor(warmup=478)
    await visitor.place(quantity="0.100")
    key = (await visitor.raw("POST", "/fapi/v1/listenKey", key=visitor.key)).body["listenKey"]
    socket = await visitor.session.ws_connect(f"{visitor.emulator.um_stream_url}/private/ws/{key}")
    shown = (await visitor.get("v1/premiumIndex?symbol=BTCUSDT")).body
    for _ in range(3):
        await visitor.emulator.step()
    event = await asyncio.wait_for(socket.receive_json(), 30)
    income = (await visitor.signed("GET", "v1/income", incomeType="FUNDING_FEE")).body
    rates = (await visitor.get("v1/fundingRate?symbol=BTCUSDT")).body
    await socket.close()
    assert (event["a"]["m"], event["a"]["P"], event["a"]["S"]) == ("FUNDING_FEE", [], "Regular")
    assert Decimal(event["a"]["B"][0]["bc"]) == Decimal(income[0]["income"])
    assert rates[-1]["fundingTime"] == shown["nextFundingTime"]


async def test_the_old_roots_serve_everything_when_set_so(make_visitor: Any) -> None:
    visitor, _ = await make_visitor(settings=Unverified(old_futures_roots_serve_all=True))
    async with visitor.session.ws_connect(f"{visitor.emulator.um_stream_url}/ws/btcusdt@kline_1m") as socket:
        await visitor.emulator.step()
        assert (await socket.receive_json(timeout=30))["e"] == "kline"


@pytest.mark.parametrize("request_id", ["abc", "1", -1, 1.5, True, None])
async def test_a_request_on_market_streams_bears_an_unsigned_integer(connect: Any, request_id: Any) -> None:
    socket = await connect("/market/ws")
    answer = await socket.ask({"method": "LIST_SUBSCRIPTIONS", "id": request_id})
    assert (answer["code"], answer["msg"]) == (2, "Invalid request: id must be an unsigned integer")
    assert await socket.ask({"method": "LIST_SUBSCRIPTIONS", "id": 0}) == {"result": [], "id": 0}
