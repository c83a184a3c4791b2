"""The market of USD-M moved by hand over the control port, and what everybody sees of it."""

import json
from decimal import Decimal
from typing import Any

import pytest

from .conftest import Visitor


@pytest.fixture
async def visitor(make_visitor: Any) -> Visitor:
    made, _ = await make_visitor(control_port=0)
    return made  # type: ignore[no-any-return]


async def control(visitor: Visitor, **content: Any) -> tuple[int, Any]:
    url = f"{visitor.emulator.control_url}/_market"
    async with visitor.session.post(url, data=json.dumps(content)) as reply:
        return reply.status, await reply.json()


async def test_a_moved_price_is_the_price_everywhere(visitor: Visitor) -> None:
    price = visitor.away("1.02")
    assert (await control(visitor, symbol="BTCUSDT", price=str(price)))[0] == 200
    shown = (await visitor.get("v2/ticker/price?symbol=BTCUSDT")).body
    mark = (await visitor.get("v1/premiumIndex?symbol=BTCUSDT")).body
    best = (await visitor.get("v1/ticker/bookTicker?symbol=BTCUSDT")).body
    newest = (await visitor.get("v1/trades?symbol=BTCUSDT&limit=1")).body[0]
    assert {Decimal(one) for one in (shown["price"], mark["markPrice"], newest["price"])} == {price}
    assert Decimal(best["bidPrice"]) < price < Decimal(best["askPrice"])
    filled = (await visitor.place(newOrderRespType="RESULT")).body
    trade = (await visitor.signed("GET", "v1/userTrades", symbol="BTCUSDT")).body[-1]
    assert (filled["status"], Decimal(trade["price"])) == ("FILLED", price)


async def test_a_resting_order_is_met_by_a_moved_price(visitor: Visitor) -> None:
    order = (await visitor.limit(visitor.away("0.99"))).body
    await control(visitor, symbol="BTCUSDT", price=str(visitor.away("0.985")))
    asked = (await visitor.signed("GET", "v1/order", symbol="BTCUSDT", orderId=order["orderId"])).body
    assert (asked["status"], Decimal(asked["avgPrice"])) == ("FILLED", Decimal(order["price"]))


async def test_a_funding_happens_when_it_is_told_to(visitor: Visitor) -> None:
    await visitor.place(quantity="0.100", side="SELL")
    assert (await control(visitor, symbol="BTCUSDT", funding="0.001"))[0] == 200
    income = (await visitor.signed("GET", "v1/income", incomeType="FUNDING_FEE")).body
    mark = Decimal((await visitor.get("v1/fundingRate?symbol=BTCUSDT")).body[-1]["markPrice"])
    assert Decimal(income[-1]["income"]) == (mark * Decimal("0.1") * Decimal("0.001")).quantize(Decimal("1E-8"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"symbol": "NOPE", "price": "1"}, "USD-M has no NOPE here"),
        ({"symbol": "BTCUSDT", "price": "0"}, "a number above 0 in steps of 0.1"),
        ({"symbol": "BTCUSDT", "price": "1.05"}, "a number above 0 in steps of 0.1"),
        ({"symbol": "BTCUSDT", "price": "NaN"}, ""),
        ({"symbol": "BTCUSDT", "pace": 3}, "pace"),
    ],
)
async def test_what_cannot_be_is_refused_in_one_line(visitor: Visitor, content: dict[str, Any], said: str) -> None:
    status, body = await control(visitor, **content)
    assert status == 400
    assert said in body["error"]
