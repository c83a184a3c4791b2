"""On USD-M too a recorded trade fills who stood in its way, each from his place in line."""

from decimal import Decimal

from tests.unit.simulation_futures.desk import Desk

from bot.domain.order import Side
from bot.simulation.futures.records import FuturesOrder

D = Decimal
BUY, SELL = Side.BUY, Side.SELL


def trade(desk: Desk, price: str, quantity: str, maker: Side) -> list[FuturesOrder]:
    desk.now_ms += 1
    return desk.exchange.on_price("AAAUSDT", D(price), desk.now_ms, D(quantity), maker)


def book(desk: Desk, bids: dict[str, str], asks: dict[str, str], *, is_change: bool = True) -> None:
    sides = ([(D(price), D(quantity)) for price, quantity in side.items()] for side in (bids, asks))
    desk.exchange.on_book("AAAUSDT", *sides, desk.now_ms, is_change=is_change)


def test_a_trade_is_shared_by_price_and_age_and_never_gives_more_than_it_had(desk: Desk) -> None:
    old, young = desk.limit(BUY, "1", "99"), desk.limit(BUY, "1", "99")
    better = desk.limit(BUY, "1", "99.5")
    trade(desk, "99", "1.5", BUY)
    assert (better.filled, old.filled, young.filled) == (D(1), D("0.5"), D(0))


def test_at_the_price_itself_only_the_side_that_stood_trades(desk: Desk) -> None:
    order = desk.limit(BUY, "1", "99")
    trade(desk, "99", "1", SELL)
    assert order.filled == 0
    trade(desk, "98.9", "0.3", SELL)
    assert order.filled == D("0.3")


def test_what_a_level_held_when_an_order_came_is_served_before_it(desk: Desk) -> None:
    book(desk, {"99": "5"}, {"101": "5"}, is_change=False)
    order = desk.limit(BUY, "1", "99")
    trade(desk, "99", "4", BUY)
    assert (order.filled, order.ahead) == (D(0), D(1))
    trade(desk, "99", "1.5", BUY)
    assert order.filled == D("0.5")


def test_a_level_that_became_smaller_leaves_no_more_than_itself_before_an_order(desk: Desk) -> None:
    book(desk, {"99": "5"}, {"101": "5"}, is_change=False)
    order = desk.limit(BUY, "1", "99")
    book(desk, {"99": "2"}, {})
    assert order.ahead == D(2)
    book(desk, {"99": "0"}, {})
    trade(desk, "99", "1", BUY)
    assert order.filled == D(1)


def test_a_taker_gets_what_the_recorded_levels_have(desk: Desk) -> None:
    book(desk, {}, {"101": "1", "102": "2"}, is_change=False)
    taken = desk.market(BUY, "2")
    assert (taken.filled, taken.quote_filled) == (D(2), D(203))
    book(desk, {}, {"101": "0.5"})
    assert desk.market(BUY, "1").quote_filled == D("101.5")
