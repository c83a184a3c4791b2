"""Smart order routing over the face: endpoints, methods, what replies and events carry, what is refused."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from bot.domain.errors import Misconfigured
from bot.emulator.config import EmulatorConfig, Synthetic
from bot.emulator.server import Emulator

from .conftest import Connect, Visitor

TWIN = "BTCUSDC"
SYMBOLS = ("BTCUSDT", TWIN, "ETHUSDT")


@pytest.fixture
async def visitor(make_emulator: Callable[..., Awaitable[Emulator]], session: aiohttp.ClientSession) -> Visitor:
    return Visitor(await make_emulator(symbols=SYMBOLS, sors=(("BTCUSDT", TWIN),)), session)


def better_side(visitor: Visitor) -> str:
    """Give the side on which the other book is the better one."""
    other = visitor.emulator.venue.exchange.last_price(TWIN)
    assert other is not None
    assert other != visitor.price()
    return "BUY" if other < visitor.price() else "SELL"


async def test_exchange_info_names_the_groups_where_there_are_any(visitor: Visitor, make_emulator: Any) -> None:
    group = {"baseAsset": "BTC", "symbols": ["BTCUSDT", TWIN]}
    assert (await visitor.get("exchangeInfo")).body["sors"] == [group]
    assert "sors" not in (await visitor.get("exchangeInfo?symbol=ETHUSDT")).body
    plain = Visitor(await make_emulator(), visitor.session)
    assert "sors" not in (await plain.get("exchangeInfo")).body


async def test_a_routed_fill_is_an_allocation_everywhere_and_a_trade_in_the_other_book(
    visitor: Visitor, connect: Connect
) -> None:
    user = await connect("/ws-api/v3")
    await user.signed("userDataStream.subscribe.signature")
    tape = await connect(f"/ws/{TWIN.lower()}@trade")
    order = {"symbol": "BTCUSDT", "side": better_side(visitor), "type": "MARKET", "quantity": "0.01"}
    placed = (await visitor.signed("POST", "sor/order", **order)).body
    assert (placed["status"], placed["usedSor"], placed["workingFloor"]) == ("FILLED", True, "SOR")
    (fill,) = placed["fills"]
    assert (fill["matchType"], fill["tradeId"], fill["allocId"]) == ("ONE_PARTY_TRADE_REPORT", -1, 0)
    reports = [(await user.frame())["event"] for _ in range(2)]
    assert [(one["x"], one["k"], one["uS"], "a" in one) for one in reports] == [
        ("NEW", "EXCHANGE", True, False), ("TRADE", "SOR", True, True)
    ]  # fmt: skip
    assert {"t": -1, "b": "ONE_PARTY_TRADE_REPORT", "a": 0, "l": "0.01000000"}.items() <= reports[1].items()
    told = await tape.frame()
    assert (told["p"], told["q"], told["m"]) == (fill["price"], "0.01000000", order["side"] == "SELL")
    (row,) = (await visitor.signed("GET", "myAllocations", symbol="BTCUSDT")).body
    assert {"allocationId": 0, "allocationType": "SOR", "orderId": placed["orderId"], "orderListId": -1,
            "price": fill["price"], "qty": "0.01000000", "isBuyer": order["side"] == "BUY", "isMaker": False,
            "isAllocator": False}.items() <= row.items()  # fmt: skip
    assert (await visitor.signed("GET", "myAllocations", symbol="BTCUSDT", fromAllocationId=1)).body == []
    assert (await visitor.signed("GET", "myAllocations", symbol=TWIN)).body == []
    assert (await visitor.signed("GET", "myTrades", symbol="BTCUSDT")).body == []
    asked = (await visitor.signed("GET", "order", symbol="BTCUSDT", orderId=placed["orderId"])).body
    assert (asked["usedSor"], asked["workingFloor"]) == (True, "SOR")


async def test_the_socket_answers_with_a_list_and_plain_orders_show_nothing_of_it(
    visitor: Visitor, connect: Connect
) -> None:
    socket = await connect("/ws-api/v3")
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.01"}
    price = str(visitor.away("0.9"))
    (placed,) = (await socket.signed("sor.order.place", **order, price=price))["result"]
    assert (placed["status"], placed["usedSor"], placed["workingFloor"]) == ("NEW", True, "EXCHANGE")
    assert (await socket.signed("sor.order.test", **order, price=price))["result"] == {}
    rates = await socket.signed("sor.order.test", **order, price=price, computeCommissionRates="true")
    assert rates["result"]["standardCommissionForOrder"]["taker"] == "0.00100000"
    plain = (await visitor.limit(price)).body
    assert not {"usedSor", "workingFloor"} & set(plain)
    assert (await visitor.signed("POST", "sor/order/test", **order, price=price)).body == {}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"type": "LIMIT_MAKER", "price": "50000"}, -1116),
        ({"type": "STOP_LOSS", "stopPrice": "50000"}, -1106),
        ({"quoteOrderQty": "100"}, -1106),
        ({"quantity": None}, -1102),
        ({"symbol": "ETHUSDT"}, -2010),
        ({"symbol": "NOSUCHUSDT"}, -1121),
        ({"pegPriceType": "PRIMARY_PEG"}, -1106),
        ({"surprise": "1"}, -1104),
    ],
)
async def test_what_is_not_routed_is_refused_alike_by_order_and_test(
    visitor: Visitor, changes: dict[str, Any], code: int
) -> None:
    wish = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "0.01"} | changes
    order = {name: value for name, value in wish.items() if value is not None}
    for path in ("sor/order", "sor/order/test"):
        refused = await visitor.signed("POST", path, **order)
        assert (refused.status, refused.code) == (400, code)


@pytest.mark.parametrize("group", [("BTCUSDT",), ("BTCUSDT", "ETHUSDT"), ("BTCUSDT", "BTCFDUSD")])
def test_groups_that_cannot_be_are_refused_in_one_line(group: tuple[str, ...]) -> None:
    with pytest.raises(Misconfigured, match="orders cannot be routed"):
        Emulator(EmulatorConfig(Synthetic(7), symbols=SYMBOLS, speed=0, sors=(group,)))


async def test_a_symbol_in_another_dollar_follows_the_first_closely(visitor: Visitor) -> None:
    for _ in range(20):
        await visitor.emulator.step()
    other = Decimal((await visitor.get(f"ticker/price?symbol={TWIN}")).body["price"])
    assert 0 < abs(other - visitor.price()) < visitor.price() / 1_000
