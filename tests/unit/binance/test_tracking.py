"""What is remembered of an order: each thing is told once, and only forward."""

from decimal import Decimal

from bot.binance.tracking import Tracked
from bot.domain.market import Market
from bot.domain.money import Price, Quantity
from bot.domain.order import Fill, OrderStatus, Side


def fill(trade_id: int, quantity: str) -> Fill:
    return Fill(
        "o-1", "BTCUSDT", trade_id, Side.BUY, Price(Decimal(1)), Quantity(Decimal(quantity)), Decimal(0), "BTC", 1
    )


def test_an_order_never_moves_back() -> None:
    order = Tracked("o-1", "BTCUSDT", Market.SPOT)
    assert order.move(OrderStatus.NEW)
    assert not order.move(OrderStatus.NEW)
    assert order.move(OrderStatus.FILLED)
    assert not order.is_live
    assert not order.move(OrderStatus.NEW)
    assert not order.move(OrderStatus.UNKNOWN)


def test_a_trade_counts_once() -> None:
    order = Tracked("o-1", "BTCUSDT", Market.SPOT)
    assert order.book(fill(1, "0.5"))
    assert not order.book(fill(1, "0.5"))
    assert order.book(fill(2, "0.25"))
    assert order.filled == Decimal("0.75")
