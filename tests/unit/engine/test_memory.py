"""What is remembered of orders: enough for late fills, and never more than so much."""

from tests.fakes.outfit import START, D

from bot.domain.messages import OrderUpdate
from bot.domain.order import Fill, OrderStatus, Side
from bot.engine.memory import OrderMemory


def fill(order_id: str, trade_id: int) -> Fill:
    return Fill(order_id, "BTCUSDT", trade_id, Side.BUY, D(100), D(1), D(0), "USDT", START)  # type: ignore[arg-type]


def test_the_oldest_ended_order_is_forgotten_with_its_fills(bench) -> None:
    slot = bench.add()
    orders = OrderMemory(remembered=2)
    orders.begin("open", slot)
    orders.book(fill("open", 99))
    for n in range(5):
        orders.begin(f"o-{n}", slot)
        orders.book(fill(f"o-{n}", n))
        orders.end(f"o-{n}")
        orders.end(f"o-{n}")
    assert [orders.owner(f"o-{n}") for n in range(5)] == [None, None, None, slot, slot]
    assert [orders.was_booked(fill("", n)) for n in range(5)] == [False, False, False, True, True]
    assert orders.owner("open") is slot
    assert orders.was_booked(fill("open", 99))


def test_an_engine_that_trades_on_and_on_does_not_grow(bench, orders) -> None:
    kept = bench.engine._orders
    kept._remembered = 4
    bench.add({n: (lambda s: s.buy("in")) if n % 2 == 0 else (lambda s: s.sell_all("out")) for n in range(60)})
    sizes = []
    for n in range(60):
        (order,) = orders(bench.show(n, 100.0))
        bench.fill(order, "100")
        sizes.append(len(kept))
    assert sizes[-1] == sizes[10]


def test_orders_that_end_without_a_fill_are_forgotten_too(bench, orders) -> None:
    kept = bench.engine._orders
    kept._remembered = 4
    bench.add({n: lambda s: s.buy("in") for n in range(30)})
    sizes = []
    for n in range(30):
        (order,) = orders(bench.show(n, 100.0))
        bench.tell(OrderUpdate(order.client_order_id, OrderStatus.VOID, 5))
        sizes.append(len(kept))
    assert sizes[-1] == sizes[10]
