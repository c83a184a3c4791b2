"""The keys of every answer and event, held against recorded ones of the real exchange."""

import gzip
from pathlib import Path
from typing import Any

import pytest
from msgspec import json

FIXTURES = Path(__file__).parents[3] / "../shared/data/fixtures/binance_net_fixtures.jsonl.gz"
GONE = {
    "avgPrice": "left these replies in July 2026", "cumQuote": "left these replies in July 2026",
    "cumBase": "coin-margined only", "pair": "coin-margined only",
}  # fmt: skip
"""Keys that older recordings have and today's exchange does not."""
OF_OLDER_VERSION = {
    "leverage", "maxNotionalValue", "marginType", "isAutoAddMargin", "unrealizedProfit", "activatePrice", "priceRate",
}  # fmt: skip


def recorded(source: str) -> Any:
    with gzip.open(FIXTURES) as lines:
        rows = (json.decode(line) for line in lines)
        row = next(row for row in rows if row["source"].endswith(f"UsdFutures/{source}.txt"))
    if row["kind"] == "rest":
        return row["response"]
    payload = row["server_payloads"][0]
    return payload.get("data", payload.get("result", payload))


def first(content: Any) -> Any:
    return content[0] if isinstance(content, list) else content


def kinds(content: Any) -> dict[str, str]:
    """Give the kind of JSON value by key; numbers are numbers, and text is text."""
    return {key: type(value).__name__ for key, value in first(content).items()}


def assert_like(ours: Any, theirs: Any, *, without: set[str] = frozenset()) -> None:  # type: ignore[assignment]
    ours_by_key, theirs_by_key = kinds(ours), kinds(theirs)
    wanted = set(theirs_by_key) - without
    assert wanted <= set(ours_by_key), f"missing: {wanted - set(ours_by_key)}"
    differing = {
        key: (ours_by_key[key], theirs_by_key[key])
        for key in wanted
        if ours_by_key[key] != theirs_by_key[key] and "NoneType" not in {ours_by_key[key], theirs_by_key[key]}
    }
    assert not differing


@pytest.mark.parametrize(
    ("path", "source", "without"),
    [
        ("v1/time", "ExchangeData/GetServerTime", set()),
        ("v1/exchangeInfo", "ExchangeData/GetExchangeInfo", set()),
        ("v1/depth?symbol=BTCUSDT", "ExchangeData/GetOrderBook", {"symbol", "pair"}),
        ("v1/aggTrades?symbol=BTCUSDT", "ExchangeData/GetAggregatedTradeHistory", set()),
        ("v1/premiumIndex?symbol=BTCUSDT", "ExchangeData/GetMarkPrice", set()),
        ("v1/fundingRate", "ExchangeData/GetFundingRates", set()),
        ("v1/ticker/24hr?symbol=BTCUSDT", "ExchangeData/GetTicker", set()),
        ("v2/ticker/price?symbol=BTCUSDT", "ExchangeData/GetPrice", set()),
        ("v1/openInterest?symbol=BTCUSDT", "ExchangeData/GetOpenInterest", set()),
    ],
)
async def test_public_answers_have_the_recorded_keys(
    make_visitor: Any, path: str, source: str, without: set[str]
) -> None:
    visitor, _ = await make_visitor(warmup=500)
    assert_like((await visitor.get(path)).body, recorded(source), without=without)


@pytest.mark.parametrize(
    ("path", "params", "source", "without"),
    [
        ("v3/account", {}, "Account/GetAccountInfoV3", set()),
        ("v1/accountConfig", {}, "Account/GetAccountConfiguration", set()),
        ("v1/symbolConfig", {}, "Account/GetSymbolConfiguration", {"isAutoAddMargin"}),
        ("v1/commissionRate", {"symbol": "BTCUSDT"}, "Account/GetUserCommissionRate", set()),
        ("v1/income", {}, "Account/GetIncomeHistory", {"tranId"}),
        ("v1/adlQuantile", {}, "Account/GetPositionAdlQuantileEstimation", set()),
        ("v3/positionRisk", {}, "Trading/GetPositions", OF_OLDER_VERSION),
        ("v2/positionRisk", {}, "Trading/GetPositions", set()),
        ("v1/openOrders", {}, "Trading/GetOpenOrders", OF_OLDER_VERSION),
        ("v1/openAlgoOrders", {}, "Trading/GetOpenConditionalOrders", set()),
        ("v1/allAlgoOrders", {"symbol": "BTCUSDT"}, "Trading/GetConditionalOrders", set()),
        ("v1/orderAmendment", {"symbol": "BTCUSDT"}, "Trading/GetOrderEditHistory", {"priceMatch"}),
    ],
)
async def test_signed_answers_have_the_recorded_keys(
    visitor: Any, path: str, params: dict[str, Any], source: str, without: set[str]
) -> None:
    await visitor.place()
    order = (await visitor.limit(visitor.away("0.97"))).body
    await visitor.signed(
        "PUT", "v1/order", symbol="BTCUSDT", orderId=order["orderId"], side="BUY", quantity="0.020",
        price=visitor.away("0.97"),
    )  # fmt: skip
    await visitor.algo(type="STOP_MARKET", triggerPrice=visitor.away("0.9"))
    answer = (await visitor.signed("GET", path, **params)).body
    assert_like(answer, recorded(source), without=without)


async def test_order_replies_have_the_recorded_keys(visitor: Any) -> None:
    placed = (await visitor.limit(visitor.away("0.97"))).body
    wanted = {"symbol": "BTCUSDT", "orderId": placed["orderId"]}
    changed = (
        await visitor.signed("PUT", "v1/order", **wanted, side="BUY", quantity="0.020", price=visitor.away("0.97"))
    ).body
    gone = (await visitor.signed("DELETE", "v1/order", **wanted)).body
    old = set(GONE) | OF_OLDER_VERSION
    assert_like(placed, recorded("Trading/PlaceOrder"), without=old)
    assert_like(changed, recorded("Trading/EditOrder"), without=old)
    assert_like(gone, recorded("Trading/CancelOrder"), without=old)
    conditional = (await visitor.algo(type="STOP_MARKET", triggerPrice=visitor.away("0.9"))).body
    assert_like(conditional, recorded("Trading/PlaceConditionalOrder"))


async def test_forced_orders_have_the_recorded_keys(visitor: Any) -> None:
    await visitor.signed("POST", "v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")
    await visitor.place(quantity="1.000")
    visitor.move(visitor.away("0.94"))
    rows = (await visitor.signed("GET", "v1/forceOrders")).body
    assert_like(rows, recorded("Trading/GetForcedOrders"))


async def test_user_events_have_the_recorded_keys(visitor: Any, connect: Any) -> None:
    events = await visitor.listen(connect)
    await visitor.place()
    order, account = await events.event("ORDER_TRADE_UPDATE"), await events.event("ACCOUNT_UPDATE")
    await visitor.signed("POST", "v1/leverage", symbol="BTCUSDT", leverage=7)
    leverage = await events.event("ACCOUNT_CONFIG_UPDATE")
    await visitor.algo(type="STOP_MARKET", triggerPrice=visitor.away("0.9"))
    conditional = await events.event("ALGO_UPDATE")
    assert_like(order["o"], recorded("OrderUpdate")["o"], without={"AP", "cr"})
    theirs = recorded("AccountUpdate")["a"]
    assert_like(account["a"]["B"], theirs["B"])
    assert_like(account["a"]["P"], theirs["P"])
    assert_like(leverage["ac"], recorded("Leverage")["ac"])
    assert_like(conditional["o"], recorded("AlgoOrderUpdate")["o"], without={"act"})


@pytest.mark.parametrize(
    ("stream", "source"),
    [
        ("/market/ws/btcusdt@miniTicker", "MiniTicker"),
        ("/market/ws/btcusdt@ticker", "Ticker"),
        ("/public/ws/btcusdt@depth@100ms", "Book"),
    ],
)
async def test_market_frames_have_the_recorded_keys(visitor: Any, connect: Any, stream: str, source: str) -> None:
    socket = await connect(stream)
    await visitor.emulator.step()
    assert_like(await socket.frame(), recorded(f"{source}"))
