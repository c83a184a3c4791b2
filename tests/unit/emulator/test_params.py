from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from bot.emulator.params import Params, known
from bot.emulator.refusals import ApiError


@pytest.mark.parametrize(
    ("values", "read", "code"),
    [
        ({}, lambda params: params.text("symbol"), -1102),
        ({"symbol": ""}, lambda params: params.text("symbol"), -1102),
        ({"price": ""}, lambda params: params.amount("price"), -1105),
        ({"price": "1e5"}, lambda params: params.amount("price"), -1100),
        ({"price": "-1"}, lambda params: params.amount("price"), -1100),
        ({"price": "NaN"}, lambda params: params.amount("price"), -1100),
        ({"price": "1."}, lambda params: params.amount("price"), -1100),
        ({"price": "٣"}, lambda params: params.amount("price"), -1100),
        ({"limit": "x"}, lambda params: params.limit(5, 10), -1100),
        ({"limit": "0"}, lambda params: params.limit(5, 10), -1130),
        ({"startTime": "99999999999999999999"}, lambda params: params.whole("startTime"), -1130),
        ({"symbol": "btc usdt"}, lambda params: params.symbol(), -1100),
        ({"symbol": "A" * 21}, lambda params: params.symbol(), -1100),
        ({"interval": "7m"}, lambda params: params.interval(), -1120),
        ({"symbols": "[BTC]"}, lambda params: params.symbols(), -1100),
        ({"symbols": "[]"}, lambda params: params.symbols(), -1130),
        ({"symbols": '["A","A"]'}, lambda params: params.symbols(), -1151),
        ({"symbols": '["A"]', "symbol": "A"}, lambda params: params.symbols(), -1128),
        ({"newClientOrderId": "a b"}, lambda params: params.client_id("newClientOrderId"), -1100),
        ({"newClientOrderId": "a" * 37}, lambda params: params.client_id("newClientOrderId"), -1100),
        ({"side": "UP"}, lambda params: params.choice("side", ("BUY",), -1117, "Invalid side."), -1117),
        ({"a": "1", "b": "2"}, lambda params: (params.maybe("a"), params.done()), -1104),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_refused_with_its_code(
    values: dict[str, str], read: Callable[[Params], Any], code: int
) -> None:
    with pytest.raises(ApiError) as refused:
        read(Params(values))
    assert refused.value.code == code


def test_good_parameters_are_given_in_their_types() -> None:
    params = Params({"symbol": "测试USDT", "limit": "5000", "price": "0.10", "symbols": '["A","B"]', "orderId": "7"})
    assert params.symbol() == "测试USDT"
    assert params.limit(500, 1_000) == 1_000
    assert params.amount("price") == Decimal("0.10")
    assert params.whole("orderId") == 7
    assert params.whole("fromId") is None
    assert Params({"symbols": '["A","B"]'}).symbols() == ["A", "B"]


def test_an_unread_parameter_is_counted_in_the_text() -> None:
    params = Params({"a": "1", "b": "2"})
    params.maybe("a")
    with pytest.raises(ApiError, match=r"read '1' parameter\(s\) but was sent '2'"):
        params.done()


def test_an_unknown_symbol_is_refused() -> None:
    assert known("A", {"A"}) == "A"
    with pytest.raises(ApiError, match="Invalid symbol"):
        known("B", {"A"})
