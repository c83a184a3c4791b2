"""A recorded trade fills who stood in its way, never more than its quantity, each from his place in line."""

from decimal import Decimal
from typing import Any

import pytest

from bot.domain.order import OrderStatus, OrderType, Side
from bot.simulation.exchange import Exchange

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
Books = list[tuple[Decimal, Decimal]]


@pytest.fixture
def trade(shared: Exchange) -> Any:
    """Let a recorded trade happen."""

    def trade(price: str, quantity: str, maker: Side, now_ms: int = 5) -> None:
        shared.on_price("ABCUSDT", D(price), now_ms, D(quantity), maker)

    return trade


def change(exchange: Exchange, bids: Books, asks: Books) -> None:
    exchange.on_depth("ABCUSDT", bids, asks, 3, is_change=True)


def test_clients_share_a_trade_by_price_and_then_by_age(put: Any, trade: Any) -> None:
    old, young, better = put("ann", BUY, "1", "99"), put("bob", BUY, "1", "99"), put("ann", BUY, "1", "99.5")
    trade("99", "1.5", BUY)
    assert (better.filled, old.filled, young.filled) == (D(1), D("0.5"), D(0))
    assert [fill.price for fill in better.fills + old.fills] == [D("99.5"), D(99)]
    trade("99", "0.7", BUY)
    assert (old.filled, young.filled) == (D(1), D("0.2"))


def test_at_the_price_itself_only_the_side_that_stood_trades(put: Any, trade: Any) -> None:
    buyer = put("ann", BUY, "1", "99")
    trade("99", "1", SELL)
    assert buyer.filled == 0
    trade("98.99", "0.25", SELL)
    assert buyer.filled == D("0.25")


def test_the_part_of_a_trade_that_is_no_whole_lot_fills_nobody(put: Any, trade: Any) -> None:
    buyer = put("ann", BUY, "1", "99")
    trade("99", "0.0015", BUY)
    assert buyer.filled == D("0.001")


def test_what_a_level_held_when_an_order_came_is_served_before_it(shared: Exchange, put: Any, trade: Any) -> None:
    change(shared, [(D(99), D(5))], [])
    first, second = put("ann", BUY, "1", "99"), put("bob", BUY, "1", "99")
    trade("99", "4", BUY)
    assert (first.filled, first.ahead, second.ahead) == (D(0), D(1), D(1))
    trade("99", "2.5", BUY)
    assert (first.filled, second.filled) == (D(1), D("0.5"))


def test_who_comes_later_waits_for_more(shared: Exchange, put: Any, trade: Any) -> None:
    change(shared, [(D(99), D(2))], [])
    early = put("ann", BUY, "1", "99")
    change(shared, [(D(99), D(6))], [])
    late = put("bob", BUY, "1", "99")
    trade("99", "4", BUY)
    assert (early.filled, late.filled, late.ahead) == (D(1), D(0), D(3))


def test_a_level_that_became_smaller_leaves_no_more_than_itself_before_an_order(
    shared: Exchange, put: Any, trade: Any
) -> None:
    change(shared, [(D(99), D(5))], [])
    order = put("ann", BUY, "1", "99")
    change(shared, [(D(99), D(8))], [])
    assert order.ahead == D(5)
    change(shared, [(D(99), D(0))], [])
    trade("99", "1", BUY)
    assert order.status is OrderStatus.FILLED


def test_a_trade_beyond_the_price_fills_whatever_stood_before(shared: Exchange, put: Any, trade: Any) -> None:
    change(shared, [(D(99), D(500))], [])
    order = put("ann", BUY, "1", "99")
    trade("98.5", "0.4", BUY)
    assert order.filled == D("0.4")


def test_what_a_taker_took_of_a_recorded_book_is_gone_until_the_recording_speaks_of_it(
    shared: Exchange, put: Any
) -> None:
    change(shared, [], [(D(101), D(2)), (D(102), D(3))])
    assert [(fill.price, fill.quantity) for fill in put("ann", BUY, "3").fills] == [(D(101), D(2)), (D(102), D(1))]
    change(shared, [], [(D(103), D(1))])
    assert [fill.price for fill in put("bob", BUY, "1").fills] == [D(102)]
    change(shared, [], [(D(101), D(1)), (D(102), D(0))])
    assert [fill.price for fill in put("ann", BUY, "2").fills] == [D(101), D(103)]


def test_a_recorded_offer_that_comes_to_cross_a_client_fills_him_at_his_limit(shared: Exchange, put: Any) -> None:
    order = put("ann", BUY, "3", "99")
    change(shared, [], [(D("98.5"), D(2))])
    assert [(fill.price, fill.quantity, fill.is_maker) for fill in order.fills] == [(D(99), D(2), True)]


def test_an_iceberg_goes_to_the_end_of_the_recorded_line_with_each_new_part(
    shared: Exchange, put: Any, trade: Any
) -> None:
    change(shared, [(D(99), D(2))], [])
    ice = put("ann", BUY, "3", "99", iceberg_quantity=D(1))
    trade("99", "3", BUY)
    assert (ice.filled, ice.ahead) == (D(1), D(2))


def test_a_recorded_trade_moves_the_last_price_and_fires_stops(shared: Exchange, put: Any, trade: Any) -> None:
    change(shared, [(D(97), D(9))], [])
    stop = put("ann", SELL, "1", type=OrderType.STOP_LOSS, stop_price=D(98))
    trade("97.5", "0.1", BUY)
    assert shared.last_price("ABCUSDT") == D(97)
    assert [(fill.price, fill.is_maker) for fill in stop.fills] == [(D(97), False)]
