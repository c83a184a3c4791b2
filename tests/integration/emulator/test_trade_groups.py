"""Two accounts of one trade group: what self-trade prevention shows them, and what TRANSFER moves between them."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from bot.emulator.config import AccountConfig
from bot.emulator.server import Emulator
from bot.emulator.unverified import Unverified

from .conftest import Connect, Visitor

FUNDS = {"USDT": Decimal(1_000_000), "BTC": Decimal(10)}
ACCOUNTS = (
    AccountConfig("ann-key", "ann-secret", FUNDS, name="ann", trade_group=7),
    AccountConfig("bob-key", "bob-secret", FUNDS, name="bob", trade_group=7),
    AccountConfig("cat-key", "cat-secret", FUNDS, name="cat"),
)


def who(emulator: Emulator, session: aiohttp.ClientSession, name: str) -> Visitor:
    return Visitor(emulator, session, f"{name}-key", f"{name}-secret")


@pytest.fixture
async def visitor(make_emulator: Callable[..., Awaitable[Emulator]], session: aiohttp.ClientSession) -> Visitor:
    """Ann, in a market with room between bid and ask."""
    return who(await make_emulator(accounts=ACCOUNTS, spread_ticks=1_000), session, "ann")


@pytest.fixture
def bob(visitor: Visitor) -> Visitor:
    return who(visitor.emulator, visitor.session, "bob")


async def held(visitor: Visitor) -> dict[str, Decimal]:
    body = (await visitor.signed("GET", "account")).body
    return {row["asset"]: Decimal(row["free"]) + Decimal(row["locked"]) for row in body["balances"]}


async def test_the_account_tells_its_trade_group_when_it_has_one(visitor: Visitor) -> None:
    assert (await visitor.signed("GET", "account")).body["tradeGroupId"] == 7
    cat = who(visitor.emulator, visitor.session, "cat")
    assert "tradeGroupId" not in (await cat.signed("GET", "account")).body


async def test_transfer_moves_quantity_and_money_and_tells_both(
    visitor: Visitor, bob: Visitor, connect: Connect
) -> None:
    user = await connect("/ws-api/v3")
    price = visitor.price() + 5
    maker = (await visitor.limit(price, quantity="0.6", selfTradePreventionMode="TRANSFER")).body
    await user.signed("userDataStream.subscribe.signature", key="ann-key", secret="ann-secret")
    taker = (await bob.limit(price, side="SELL", quantity="0.2", selfTradePreventionMode="TRANSFER")).body
    assert (taker["status"], taker["fills"], taker["tradeGroupId"]) == ("EXPIRED_IN_MATCH", [], 7)
    quantities = {"takerPreventedQuantity": "0.20000000", "makerPreventedQuantity": "0.20000000"}
    match = {"preventedMatchId": 0, "makerSymbol": "BTCUSDT", "makerOrderId": maker["orderId"], "price": f"{price:.8f}"}
    assert taker["preventedMatches"] == [match | quantities]
    assert (await held(visitor), await held(bob)) == (
        {"BTC": Decimal("10.2"), "USDT": 1_000_000 - price / 5},
        {"BTC": Decimal("9.8"), "USDT": 1_000_000 + price / 5},
    )
    report = (await user.frame())["event"]
    words = {"x": "TRADE_PREVENTION", "X": "NEW", "u": 7, "U": taker["orderId"], "Cs": "BTCUSDT", "A": "0.20000000",
             "B": "0.20000000", "pl": "0.20000000", "pL": f"{price:.8f}", "v": 0, "V": "TRANSFER"}  # fmt: skip
    assert words.items() <= report.items()
    position = (await user.frame())["event"]
    assert {row["a"]: row["f"] for row in position["B"]}["BTC"] == "10.20000000"
    (row,) = (await bob.signed("GET", "myPreventedMatches", symbol="BTCUSDT", preventedMatchId=0)).body
    assert ({"tradeGroupId": 7, "selfTradePreventionMode": "TRANSFER"} | quantities).items() <= row.items()
    for one in (visitor, bob):
        assert (await one.signed("GET", "myTrades", symbol="BTCUSDT")).body == []


async def test_the_larger_loss_of_an_expired_taker_is_told_as_what_it_was(visitor: Visitor, bob: Visitor) -> None:
    price = visitor.price() + 5
    await visitor.limit(price, quantity="0.1")
    taker = (await bob.limit(price, side="SELL", quantity="0.3", selfTradePreventionMode="EXPIRE_TAKER")).body
    (match,) = taker["preventedMatches"]
    assert (match["takerPreventedQuantity"], "makerPreventedQuantity" in match) == ("0.30000000", False)
    assert taker["preventedQuantity"] == "0.30000000"


async def test_a_transfer_that_only_the_taker_wants_moves_nothing(visitor: Visitor, bob: Visitor) -> None:
    price = visitor.price() + 5
    await visitor.limit(price, quantity="0.1", selfTradePreventionMode="DECREMENT")
    taker = (await bob.limit(price, side="SELL", quantity="0.1", selfTradePreventionMode="TRANSFER")).body
    assert taker["status"] == "EXPIRED_IN_MATCH"
    (row,) = (await bob.signed("GET", "myPreventedMatches", symbol="BTCUSDT", orderId=taker["orderId"])).body
    assert row["selfTradePreventionMode"] == "DECREMENT"
    assert await held(visitor) == await held(bob) == FUNDS


def oto(visitor: Visitor, quantity: str) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT", "workingType": "LIMIT", "workingSide": "BUY", "workingPrice": visitor.away("0.9"),
        "workingQuantity": "0.1", "workingTimeInForce": "GTC", "pendingType": "LIMIT", "pendingSide": "SELL",
        "pendingQuantity": quantity, "pendingPrice": visitor.away("1.1"), "pendingTimeInForce": "GTC",
    }  # fmt: skip


@pytest.mark.parametrize(("locks", "locked"), [(False, "0.00000000"), (True, "0.10000000")])
async def test_whether_a_waiting_leg_locks_its_money_is_a_switch(
    make_emulator: Any, session: aiohttp.ClientSession, locks: bool, locked: str
) -> None:
    settings = Unverified(pending_legs_lock=locks)
    visitor = who(await make_emulator(accounts=ACCOUNTS, settings=settings), session, "ann")

    async def locked_now() -> str:
        rows = (await visitor.signed("GET", "account")).body["balances"]
        return str(next(row["locked"] for row in rows if row["asset"] == "BTC"))

    placed = (await visitor.signed("POST", "orderList/oto", **oto(visitor, "0.1"))).body
    assert await locked_now() == locked
    await visitor.signed("DELETE", "orderList", symbol="BTCUSDT", orderListId=placed["orderListId"])
    assert await locked_now() == "0.00000000"
    refused = await visitor.signed("POST", "orderList/oto", **oto(visitor, "11"))
    assert refused.status == (400 if locks else 200)


async def test_a_leg_that_locked_while_it_waited_goes_live_with_its_lock(
    make_emulator: Any, session: aiohttp.ClientSession
) -> None:
    visitor = who(await make_emulator(accounts=ACCOUNTS, settings=Unverified(pending_legs_lock=True)), session, "ann")
    changes = {"workingPrice": visitor.away("1.01")}
    await visitor.signed("POST", "orderList/oto", **oto(visitor, "0.1") | changes)
    (leg,) = (await visitor.signed("GET", "openOrders", symbol="BTCUSDT")).body
    rows = (await visitor.signed("GET", "account")).body["balances"]
    assert (leg["side"], leg["status"]) == ("SELL", "NEW")
    assert next(row["locked"] for row in rows if row["asset"] == "BTC") == "0.10000000"


async def test_subscription_filters_are_unknown_until_a_switch_names_them(
    make_emulator: Any, visitor: Visitor, connect: Connect
) -> None:
    socket = await connect("/ws-api/v3")
    wanted = {"key": "ann-key", "secret": "ann-secret", "eventTypes": '["outboundAccountPosition"]'}
    refused = await socket.signed("userDataStream.subscribe.signature", **wanted)
    assert refused["error"]["code"] == -1104
    settings = Unverified(subscription_filter_parameter="eventTypes")
    visitor.emulator = await make_emulator(accounts=ACCOUNTS, settings=settings)
    socket = await connect("/ws-api/v3")
    await socket.signed("userDataStream.subscribe.signature", **wanted)
    await visitor.place()
    assert (await socket.frame())["event"]["e"] == "outboundAccountPosition"
