"""The tables of requests: what changes anything is sent once, and each costs what the protocol says."""

from decimal import Decimal
from typing import Any

import pytest

from bot.binance import futures, spot
from bot.binance import wire_new_futures as new_futures
from bot.binance import wire_new_spot as new_spot
from bot.binance import wire_requests as ask
from bot.binance.endpoints import Endpoint, Priority, Security
from bot.binance.letters import futures_order, spot_order
from bot.binance.wire_requests import NOTHING, params_of
from bot.domain.money import Price, Quantity
from bot.domain.order import Order, OrderType, Side, TimeInForce

D = Decimal
TABLES = [pytest.param(each, id=str(each)) for each in (*spot.ENDPOINTS, *futures.ENDPOINTS)]


@pytest.mark.parametrize("endpoint", TABLES)
def test_only_what_changes_nothing_may_be_sent_twice(endpoint: Endpoint[Any, Any]) -> None:
    is_listen_key = endpoint.path.endswith("/listenKey")  # the same key comes back, and lives longer
    assert endpoint.repeatable == (endpoint.method == "GET" or is_listen_key)
    if not endpoint.repeatable:
        assert endpoint.security is Security.SIGNED
        assert endpoint.priority is not Priority.HISTORY
    assert endpoint.read  # its reply's type can be read


def test_no_request_is_in_a_table_twice() -> None:
    for table in (spot.ENDPOINTS, futures.ENDPOINTS):
        assert len({(each.method, each.path) for each in table}) == len(table)
    assert len(spot.ENDPOINTS) >= 35
    assert len(futures.ENDPOINTS) >= 60


def symbols(count: int) -> ask.OfSymbols:
    return ask.OfSymbols(symbols=tuple(f"S{n}" for n in range(count)))


@pytest.mark.parametrize(
    ("endpoint", "request_", "weight"),
    [
        (spot.DEPTH, ask.Newest(symbol="A"), 5),
        (spot.DEPTH, ask.Newest(symbol="A", limit=101), 25),
        (spot.DEPTH, ask.Newest(symbol="A", limit=9999), 250),
        (spot.OPEN_ORDERS, ask.OfAnySymbol(symbol="A"), 6),
        (spot.OPEN_ORDERS, ask.OfAnySymbol(), 80),
        (spot.MY_TRADES, ask.TradesRequest(symbol="A"), 20),
        (spot.MY_TRADES, ask.TradesRequest(symbol="A", orderId=0), 5),
        (spot.TICKER_DAY, ask.OfSymbols(symbol="A"), 2),
        (spot.TICKER_DAY, symbols(21), 40),
        (spot.TICKER_DAY, symbols(101), 80),
        (spot.TICKER_DAY, ask.OfSymbols(), 80),
        (spot.TICKER_TRADING_DAY, symbols(99), 200),
        (spot.TICKER_PRICE, symbols(1), 2),
        (spot.TICKER_PRICE, ask.OfSymbols(), 4),
        (spot.EXECUTION_RULES, ask.ExecutionRulesRequest(symbol="A"), 2),
        (spot.EXECUTION_RULES, ask.ExecutionRulesRequest(), 40),
        (
            spot.TEST_ORDER,
            new_spot.TestSpotOrder(symbol="A", side="BUY", type="MARKET", computeCommissionRates=True),
            20,
        ),
        (futures.KLINES, ask.KlinesRequest(symbol="A", interval="1m"), 5),
        (futures.KLINES, ask.KlinesRequest(symbol="A", interval="1m", limit=99), 1),
        (futures.KLINES, ask.KlinesRequest(symbol="A", interval="1m", limit=1500), 10),
        (futures.DEPTH, ask.Newest(symbol="A", limit=50), 2),
        (futures.PREMIUM_INDEX, ask.OfAnySymbol(), 10),
        (futures.PLACE_ORDER, new_futures.NewFuturesOrder(symbol="A", side="BUY", type="MARKET"), 0),
        (futures.BALANCE, NOTHING, 5),
    ],
)
def test_a_request_costs_what_the_protocol_says(endpoint: Endpoint[Any, Any], request_: Any, weight: int) -> None:
    assert endpoint.weight_of(request_) == weight


def test_orders_count_against_the_accounts_limits_by_their_legs() -> None:
    assert [each.orders_of(NOTHING) for each in (spot.PLACE_ORDER, spot.PLACE_OCO, spot.PLACE_OTOCO)] == [1, 2, 3]
    assert [each.orders_of(NOTHING) for each in (spot.CANCEL_ORDER, spot.AMEND_ORDER, spot.ORDER)] == [0, 0, 0]
    assert futures.PLACE_BATCH.orders_of(NOTHING) == 5


def test_parameters_are_written_as_the_wire_takes_them() -> None:
    order = new_futures.NewFuturesOrder(
        symbol="BTCUSDT", side="BUY", type="LIMIT", quantity=D("1E-7"), price=D("61000.10"), reduceOnly=True
    )
    assert params_of(order) == {
        "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0.0000001", "price": "61000.1",
        "reduceOnly": "true",
    }  # fmt: skip
    assert params_of(symbols(2)) == {"symbols": '["S0","S1"]'}
    assert params_of(new_futures.BatchCancel(symbol="A", orderIdList=(1, 2))) == {"symbol": "A", "orderIdList": "[1,2]"}
    assert params_of(new_futures.BatchOrders(batchOrders=(order,)))["batchOrders"] == (
        '[{"symbol":"BTCUSDT","side":"BUY","type":"LIMIT","quantity":"0.0000001","price":"61000.1","reduceOnly":"true"}]'
    )
    assert params_of(NOTHING) == {}


def an_order(kind: OrderType, **more: Any) -> Order:
    return Order("o-1", 1, "BTCUSDT", Side.SELL, kind, Quantity(D("0.0150")), 1, **more)


def test_an_order_of_ours_is_written_for_either_market() -> None:
    limit = an_order(OrderType.LIMIT, price=Price(D("61250.50")))
    assert params_of(spot_order(limit)) == {
        "symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.015",
        "price": "61250.5", "newClientOrderId": "o-1", "newOrderRespType": "FULL",
    }  # fmt: skip
    assert params_of(futures_order(limit)) == {
        "symbol": "BTCUSDT", "side": "SELL", "type": "LIMIT", "timeInForce": "GTC", "quantity": "0.015",
        "price": "61250.5", "newClientOrderId": "o-1", "newOrderRespType": "RESULT",
    }  # fmt: skip
    market = an_order(OrderType.MARKET, price=Price(D(1)), time_in_force=TimeInForce.IOC)
    assert set(params_of(spot_order(market))) == set(params_of(futures_order(market))) == {
        "symbol", "side", "type", "quantity", "newClientOrderId", "newOrderRespType",
    }  # fmt: skip
    maker = an_order(OrderType.LIMIT_MAKER, price=Price(D(5)))
    assert "timeInForce" not in params_of(spot_order(maker))
    assert params_of(futures_order(maker))["timeInForce"] == "GTX"
    assert params_of(futures_order(maker))["type"] == "LIMIT"
    stop = an_order(OrderType.STOP_LOSS, stop_price=Price(D("59000.10")))
    assert params_of(spot_order(stop)) == {
        "symbol": "BTCUSDT", "side": "SELL", "type": "STOP_LOSS", "quantity": "0.015", "stopPrice": "59000.1",
        "newClientOrderId": "o-1", "newOrderRespType": "FULL",
    }  # fmt: skip
    stop = an_order(OrderType.STOP_LOSS_LIMIT, stop_price=Price(D(59_000)), price=Price(D(58_410)))
    written = params_of(spot_order(stop))
    assert (written["stopPrice"], written["price"], written["timeInForce"]) == ("59000", "58410", "GTC")
