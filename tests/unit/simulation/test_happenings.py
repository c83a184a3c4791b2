"""The truth is told in order: balances first, then why."""

from decimal import Decimal
from typing import Any

from bot.domain.order import OrderStatus, OrderType, Side, StpMode
from bot.simulation.exchange import Exchange
from bot.simulation.happenings import BalanceMoved, Happening, OrderAccepted, OrderMoved, Prevented, Traded

D = Decimal
BUY, SELL = Side.BUY, Side.SELL


def test_a_trade_of_two_clients_is_told_with_both_sides(put: Any, shared: Exchange, told: list[Happening]) -> None:
    maker = put("ann", SELL, "1", "101")
    told.clear()
    taker = put("bob", BUY, "1", "102", now_ms=9)
    assert told == [
        BalanceMoved("bob", "USDT", D(-102), D(102), "lock"),
        OrderAccepted(
            "bob", "ABCUSDT", taker.order_id, "c2", BUY, OrderType.LIMIT, D(1), D(102), None, OrderStatus.NEW, -1, 9
        ),
        BalanceMoved("bob", "USDT", D(1), D(-102), "trade"),
        BalanceMoved("bob", "ABC", D(1), D(0), "trade"),
        BalanceMoved("ann", "ABC", D(0), D(-1), "trade"),
        BalanceMoved("ann", "USDT", D(101), D(0), "trade"),
        Traded("ABCUSDT", 1, D(101), D(1), 9, BUY, "bob", "ann", taker.fills[0], maker.fills[0]),
        OrderMoved(
            "bob", "ABCUSDT", taker.order_id, "c2", "TRADE", OrderStatus.FILLED, "NONE", D(1), D(1), D(101), D(0), 9,
            is_working=False, fill=taker.fills[0], counterparty="ann",
        ),
        OrderMoved(
            "ann", "ABCUSDT", maker.order_id, "c1", "TRADE", OrderStatus.FILLED, "NONE", D(1), D(1), D(101), D(0), 9,
            is_working=False, fill=maker.fills[0], counterparty="bob",
        ),
    ]  # fmt: skip


def test_a_trade_with_the_outside_has_one_client(put: Any, shared: Exchange, told: list[Happening]) -> None:
    order = put("ann", SELL, "1", "101")
    shared.on_price("ABCUSDT", D(101), 5)
    trade = next(what for what in told if isinstance(what, Traded))
    assert (trade.taker, trade.maker, trade.taker_side) == ("market", "ann", BUY)
    assert (trade.taker_fill, trade.maker_fill) == (None, order.fills[0])


def test_a_prevented_trade_is_told_with_both_orders(put: Any, shared: Exchange, told: list[Happening]) -> None:
    maker = put("ann", SELL, "2", "101")
    taker = put("ann", BUY, "3", "101", stp=StpMode.DECREMENT, now_ms=4)
    assert [what for what in told if isinstance(what, Prevented)] == [
        Prevented(
            "ABCUSDT", 0, "ann", taker.order_id, "ann", maker.order_id, "DECREMENT", D(101), D(2), 4, "ABCUSDT",
                -1, D(2), D(2),
        )
    ]  # fmt: skip
    moves = [what for what in told if isinstance(what, OrderMoved)]
    assert [(what.execution, what.status, what.prevented) for what in moves] == [
        ("TRADE_PREVENTION", OrderStatus.NEW, D(2)),
        ("TRADE_PREVENTION", OrderStatus.EXPIRED_IN_MATCH, D(2)),
    ]


def test_a_trigger_is_told_before_what_it_brings(put: Any, shared: Exchange, told: list[Happening]) -> None:
    put("ann", SELL, "1", type=OrderType.STOP_LOSS, stop_price=D(95))
    put("bob", BUY, "1", "94")
    shared.on_price("ABCUSDT", D(95), 5, D(0))
    moves = [what.execution for what in told if isinstance(what, OrderMoved) and what.account == "ann"]
    assert moves == ["TRIGGERED", "TRADE"]


def test_a_trade_may_trigger_a_stop_that_triggers_another(put: Any, shared: Exchange) -> None:
    first = put("ann", SELL, "1", type=OrderType.STOP_LOSS, stop_price=D(95))
    second = put("ann", SELL, "1", type=OrderType.STOP_LOSS, stop_price=D(90))
    put("bob", BUY, "1", "90")
    put("bob", BUY, "1", "85")
    touched = shared.on_price("ABCUSDT", D(95), 5, D(0))
    assert first.fills[0].price == D(90)
    assert second.fills[0].price == D(85)
    assert {order.order_id for order in touched} == {1, 2, 3, 4}
