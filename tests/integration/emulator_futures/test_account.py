from decimal import Decimal
from typing import Any

import pytest


async def test_the_account_shows_positions_only_where_something_is(visitor: Any) -> None:
    empty = (await visitor.signed("GET", "v3/account")).body
    await visitor.limit(visitor.away("0.97"), symbol="BTCUSDT")
    resting = (await visitor.signed("GET", "v3/account")).body
    old = (await visitor.signed("GET", "v2/account")).body
    assert empty["positions"] == []
    assert [row["positionAmt"] for row in resting["positions"]] == ["0.000"]
    assert Decimal(resting["totalOpenOrderInitialMargin"]) > 0
    assert [row["symbol"] for row in old["positions"]] == ["BTCUSDT", "ETHUSDT"]
    assert {"feeTier", "multiAssetsMargin", "feeBurn"} <= set(old)
    assert old["positions"][0]["leverage"] == "20"


async def test_sums_agree_with_the_single_asset(visitor: Any) -> None:
    await visitor.place(quantity="0.100")
    account = (await visitor.signed("GET", "v3/account")).body
    usdt = next(row for row in account["assets"] if row["asset"] == "USDT")
    balance = (await visitor.signed("GET", "v3/balance")).body
    assert account["totalWalletBalance"] == usdt["walletBalance"] == balance[0]["balance"]
    assert account["availableBalance"] == usdt["availableBalance"]
    assert Decimal(usdt["marginBalance"]) == Decimal(usdt["walletBalance"]) + Decimal(usdt["unrealizedProfit"])


async def test_positions_of_the_old_kind_tell_leverage_and_margin_type(visitor: Any) -> None:
    await visitor.place()
    rows = (await visitor.signed("GET", "v2/positionRisk")).body
    assert [row["positionAmt"] for row in rows] == ["0.010", "0.000"]
    assert (rows[0]["leverage"], rows[0]["marginType"]) == ("20", "cross")


async def test_leverage_margin_type_and_modes_are_set_and_asked(visitor: Any) -> None:
    leverage = (await visitor.signed("POST", "v1/leverage", symbol="BTCUSDT", leverage=10)).body
    assert (leverage["leverage"], leverage["symbol"]) == (10, "BTCUSDT")
    isolated = await visitor.signed("POST", "v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")
    again = await visitor.signed("POST", "v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")
    assert (isolated.body["code"], again.code) == (200, -4046)
    config = (await visitor.signed("GET", "v1/symbolConfig", symbol="BTCUSDT")).body[0]
    assert (config["marginType"], config["leverage"]) == ("ISOLATED", 10)
    assert (await visitor.signed("POST", "v1/positionSide/dual", dualSidePosition="true")).body["code"] == 200
    assert (await visitor.signed("GET", "v1/positionSide/dual")).body == {"dualSidePosition": True}
    assert (await visitor.signed("POST", "v1/positionSide/dual", dualSidePosition="true")).code == -4059
    assert (await visitor.signed("POST", "v1/multiAssetsMargin", multiAssetsMargin="true")).code == -4167
    assert (await visitor.signed("GET", "v1/multiAssetsMargin")).body == {"multiAssetsMargin": False}
    assert (await visitor.signed("POST", "v1/feeBurn", feeBurn="true")).body["code"] == 200
    assert (await visitor.signed("GET", "v1/feeBurn")).body == {"feeBurn": True}
    assert (await visitor.signed("GET", "v1/accountConfig")).body["dualSidePosition"] is True


async def test_both_sides_are_held_at_once_in_hedge_mode(visitor: Any) -> None:
    await visitor.signed("POST", "v1/positionSide/dual", dualSidePosition="true")
    await visitor.place(positionSide="LONG")
    await visitor.place(positionSide="SHORT", side="SELL", quantity="0.020")
    rows = (await visitor.signed("GET", "v3/positionRisk", symbol="BTCUSDT")).body
    assert {row["positionSide"]: row["positionAmt"] for row in rows} == {"LONG": "0.010", "SHORT": "-0.020"}


async def test_multi_assets_mode_sums_everything_in_dollars(visitor: Any) -> None:
    visitor.venue.exchange.on_asset_price("BNB", Decimal(500))
    await visitor.signed("POST", "v1/multiAssetsMargin", multiAssetsMargin="true")
    account = (await visitor.signed("GET", "v3/account")).body
    assert Decimal(account["totalWalletBalance"]) == 105_000
    assert Decimal(account["availableBalance"]) == 105_000


async def test_isolated_margin_is_moved_and_remembered(visitor: Any) -> None:
    await visitor.signed("POST", "v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")
    await visitor.place()
    moved = await visitor.signed("POST", "v1/positionMargin", symbol="BTCUSDT", amount="25", type=1)
    history = (await visitor.signed("GET", "v1/positionMargin/history", symbol="BTCUSDT")).body
    assert (moved.body["code"], moved.body["type"], moved.body["amount"]) == (200, 1, 25.0)
    assert [(row["amount"], row["type"]) for row in history] == [("25", 1)]


async def test_brackets_and_commissions_are_told(visitor: Any) -> None:
    every = (await visitor.signed("GET", "v1/leverageBracket")).body
    one = (await visitor.signed("GET", "v1/leverageBracket", symbol="BTCUSDT")).body
    assert [row["symbol"] for row in every] == ["BTCUSDT", "ETHUSDT"]
    assert one[0]["brackets"][0] == {
        "bracket": 1, "initialLeverage": 150, "notionalCap": 300000, "notionalFloor": 0,
        "maintMarginRatio": 0.004, "cum": 0.0,
    }  # fmt: skip
    rate = (await visitor.signed("GET", "v1/commissionRate", symbol="BTCUSDT")).body
    assert (rate["makerCommissionRate"], rate["takerCommissionRate"]) == ("0.0002", "0.0005")


async def test_income_tells_profits_and_commissions(visitor: Any) -> None:
    await visitor.place()
    visitor.move(visitor.away("1.01"))
    await visitor.place(side="SELL")
    rows = (await visitor.signed("GET", "v1/income", symbol="BTCUSDT")).body
    assert sorted(row["incomeType"] for row in rows) == ["COMMISSION", "COMMISSION", "REALIZED_PNL"]
    assert Decimal(next(row["income"] for row in rows if row["incomeType"] == "REALIZED_PNL")) > 0


@pytest.mark.parametrize(
    ("method", "path", "params", "code"),
    [
        ("POST", "v1/leverage", {"symbol": "BTCUSDT", "leverage": 151}, -4028),
        ("POST", "v1/leverage", {"symbol": "BTCUSDT"}, -1102),
        ("POST", "v1/marginType", {"symbol": "BTCUSDT", "marginType": "CROSS"}, -1130),
        ("POST", "v1/positionMargin", {"symbol": "BTCUSDT", "amount": "1", "type": 3}, -1130),
        ("POST", "v1/positionMargin", {"symbol": "BTCUSDT", "amount": "1", "type": 1}, -4049),
        ("GET", "v1/order", {"symbol": "BTCUSDT"}, -1102),
        ("GET", "v1/order", {"symbol": "BTCUSDT", "orderId": 5}, -2013),
        ("GET", "v1/algoOrder", {"algoId": 5}, -2013),
        ("GET", "v1/allOrders", {"symbol": "BTCUSDT", "startTime": 0, "endTime": 10**12}, -4165),
        ("GET", "v1/userTrades", {"symbol": "NOPE"}, -1121),
        ("GET", "v3/account", {"recvWindow": 70_000}, -1131),
    ],
)
async def test_wrong_requests_get_the_documented_code(
    visitor: Any, method: str, path: str, params: dict[str, Any], code: int
) -> None:
    assert (await visitor.signed(method, path, **params)).code == code


async def test_keys_and_signatures_are_checked(visitor: Any) -> None:
    missing = await visitor.raw("GET", "/fapi/v3/account?timestamp=1&signature=00")
    unknown = await visitor.raw("GET", "/fapi/v3/account?timestamp=1&signature=00", key="nobody")
    late = await visitor.raw("GET", "/fapi/v3/account?timestamp=1600000000000&signature=00", key=visitor.key)
    assert [(one.status, one.code) for one in (missing, unknown, late)] == [(401, -2014), (401, -2015), (400, -1021)]
    assert (await visitor.raw("POST", "/fapi/v1/listenKey")).code == -2014
