"""Stops, takes and trailing orders: what triggers them, what becomes of them, and how a whole bar happens to them."""

from decimal import Decimal
from typing import Any

import pytest

from bot.domain.instrument import Instrument
from bot.domain.market import Candle
from bot.domain.order import OrderStatus, OrderType, Side, TimeInForce
from bot.simulation.exchange import Balance, Commission, Exchange, Rates, Refused

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
SL, SLL, TP, TPL = (
    OrderType.STOP_LOSS,
    OrderType.STOP_LOSS_LIMIT,
    OrderType.TAKE_PROFIT,
    OrderType.TAKE_PROFIT_LIMIT,
)
S = OrderStatus


@pytest.fixture
def endless(full: Instrument) -> Exchange:
    exchange = Exchange({"ABCUSDT": full})
    exchange.open_account("ann", {"USDT": D(10_000), "ABC": D(100)}, commission=Commission(Rates()))
    exchange.on_price("ABCUSDT", D(100), 0)
    return exchange


@pytest.fixture
def put(endless: Exchange, desk_of: Any) -> Any:
    return desk_of(endless)


def bar(opened: float, high: float, low: float, close: float) -> Candle:
    return Candle("ABCUSDT", "1m", 60_000, opened, high, low, close, 1.0, 119_999)


@pytest.mark.parametrize(
    ("kind", "side", "stop", "miss", "hit"),
    [
        (SL, SELL, "95", "95.01", "95"),
        (SL, BUY, "105", "104.99", "105"),
        (TP, SELL, "105", "104.99", "106"),
        (TP, BUY, "95", "95.01", "94"),
    ],
)
def test_a_stop_waits_for_its_side_of_the_market_and_then_trades_at_it(
    endless: Exchange, put: Any, kind: OrderType, side: Side, stop: str, miss: str, hit: str
) -> None:
    order = put("ann", side, "1", type=kind, stop_price=D(stop))
    assert (order.status, order.working_ms) == (S.NEW, -1)
    assert endless.on_price("ABCUSDT", D(miss), 10) == []
    assert endless.on_price("ABCUSDT", D(hit), 20) == [order]
    assert [(fill.price, fill.time_ms, fill.is_maker) for fill in order.fills] == [(D(hit), 20, False)]
    assert order.working_ms == 20


@pytest.mark.parametrize(
    ("kind", "side", "stop"), [(SL, SELL, "100"), (SL, BUY, "99"), (TP, SELL, "100"), (TP, BUY, "101")]
)
def test_a_stop_on_the_wrong_side_of_the_market_is_refused(put: Any, kind: OrderType, side: Side, stop: str) -> None:
    with pytest.raises(Refused, match=r"Order would trigger immediately\.") as refusal:
        put("ann", side, "1", type=kind, stop_price=D(stop))
    assert refusal.value.code == -2010


def test_a_triggered_limit_stands_in_the_book_until_its_price_comes(endless: Exchange, put: Any) -> None:
    order = put("ann", SELL, "1", "96", type=SLL, stop_price=D(95))
    endless.on_price("ABCUSDT", D(94), 10)
    assert (order.status, order.working_ms, order.shelf) == (S.NEW, 10, "book")
    endless.on_price("ABCUSDT", D(96), 20)
    assert [(fill.price, fill.is_maker) for fill in order.fills] == [(D(96), True)]


def test_a_triggered_immediate_order_expires_when_the_market_ran_past_its_limit(endless: Exchange, put: Any) -> None:
    order = put("ann", SELL, "1", "95", type=SLL, stop_price=D(96), time_in_force=TimeInForce.IOC)
    endless.on_price("ABCUSDT", D(90), 10)
    assert (order.status, order.expiry_reason) == (S.EXPIRED, "UNFILLED_IOC_QUANTITY_EXPIRED")
    assert endless.balances("ann")["ABC"] == Balance(D(100))


def test_a_stop_that_buys_takes_what_the_money_reaches(endless: Exchange, put: Any) -> None:
    order = put("ann", BUY, "95", type=SL, stop_price=D(105))
    assert endless.balances("ann")["USDT"] == Balance(D(25), D(9_975))
    endless.on_price("ABCUSDT", D(110), 10)
    assert (order.status, order.filled) == (S.EXPIRED, D("90.909"))
    assert endless.balances("ann")["USDT"] == Balance(D("0.010"))


@pytest.mark.parametrize(
    ("kind", "side", "path", "fill"),
    [
        (SL, SELL, ["100", "104", "103.01", "106", "104.94"], "104.94"),
        (SL, BUY, ["100", "96", "96.95", "95", "95.95"], "95.95"),
        (TP, BUY, ["100", "98", "98.98"], "98.98"),
    ],
)
def test_a_trailing_order_follows_the_market_and_triggers_when_it_turns(
    endless: Exchange, put: Any, kind: OrderType, side: Side, path: list[str], fill: str
) -> None:
    order = put("ann", side, "1", type=kind, trailing_delta=100)
    for moment, price in enumerate(path, 10):
        assert order.fills == []
        endless.on_price("ABCUSDT", D(price), moment)
    assert [one.price for one in order.fills] == [D(fill)]
    assert order.trailing_ms == 10


def test_a_trailing_order_with_a_stop_price_begins_to_follow_there(endless: Exchange, put: Any) -> None:
    order = put("ann", SELL, "1", type=TP, stop_price=D(110), trailing_delta=100)
    for moment, price in enumerate(("108", "106", "111", "112"), 10):
        endless.on_price("ABCUSDT", D(price), moment)
    assert (order.trailing_ms, order.extreme, order.fills) == (12, D(112), [])
    endless.on_price("ABCUSDT", D("110.88"), 20)
    assert order.status is S.FILLED


@pytest.mark.parametrize(
    ("kind", "side", "stop", "candle", "price", "time_ms"),
    [
        (SL, SELL, "95", bar(100, 101, 94, 96), "95", 119_999),
        (SL, SELL, "95", bar(93, 101, 92, 96), "93", 60_000),
        (SL, BUY, "105", bar(100, 106, 99, 100), "105", 119_999),
        (TP, SELL, "105", bar(100, 106, 99, 100), "105", 119_999),
        (TP, SELL, "105", bar(107, 108, 99, 100), "107", 60_000),
        (TP, BUY, "95", bar(100, 101, 94, 96), "95", 119_999),
    ],
)
def test_a_bar_sends_a_stop_at_its_stop_price_or_at_an_open_beyond_it(
    endless: Exchange, put: Any, kind: OrderType, side: Side, stop: str, candle: Candle, price: str, time_ms: int
) -> None:
    order = put("ann", side, "1", type=kind, stop_price=D(stop))
    assert endless.on_candle(candle) == [order]
    assert [(fill.price, fill.time_ms) for fill in order.fills] == [(D(price), time_ms)]


def test_a_bar_with_both_the_loss_and_the_gain_inside_ends_as_the_loss(endless: Exchange, put: Any) -> None:
    gain = put("ann", SELL, "60", type=TP, stop_price=D(105))
    loss = put("ann", SELL, "40", type=SL, stop_price=D(95))
    assert endless.on_candle(bar(100, 106, 94, 100)) == [loss, gain]


def test_a_limit_that_a_bar_triggered_does_not_meet_the_rest_of_that_bar(endless: Exchange, put: Any) -> None:
    order = put("ann", SELL, "1", "96", type=SLL, stop_price=D(95))
    endless.on_candle(bar(100, 101, 94, 95))
    assert (order.shelf, order.fills) == ("book", [])


def test_a_trailing_order_walks_a_bar_along_its_assumed_path(endless: Exchange, put: Any) -> None:
    order = put("ann", SELL, "1", type=SL, trailing_delta=200)
    endless.on_candle(bar(100, 110, 99, 105))
    assert [fill.price for fill in order.fills] == [D("107.80")]
