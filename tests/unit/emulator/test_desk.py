from decimal import Decimal
from typing import Any

import pytest

from bot.domain.order import OrderStatus, OrderType, Side, TimeInForce
from bot.emulator.desk import Desk, Wish, new_client_id
from bot.emulator.faults import ApiError
from bot.emulator.limits import OrderCount
from bot.simulation.exchange import Exchange, Refused, Terms
from bot.simulation.instruments import bundled

NOW = 1_747_699_200_000


class Trading:
    """A desk with one customer who listens."""

    def __init__(self, per_10s: int = 50) -> None:
        rules = bundled()
        self.exchange = Exchange(rules)
        self.exchange.open_account("me", {"USDT": Decimal(10_000)})
        self.exchange.on_price("BTCUSDT", Decimal(100), NOW)
        self.desk = Desk(self.exchange, rules, Terms())
        self.count = OrderCount(per_10s, 1_000)
        self.desk.count_orders_of("me", self.count)
        self.events: list[dict[str, Any]] = []
        self.stop = self.desk.listen("me", self.events.append)

    def place(self, **wish: Any) -> Any:
        return self.desk.place("me", self.wish(**wish), now_ms=NOW, wall_ms=NOW)

    def wish(self, **changes: Any) -> Wish:
        base: dict[str, Any] = {
            "symbol": "BTCUSDT",
            "side": Side.BUY,
            "type": OrderType.MARKET,
            "client_order_id": "c1",
        }
        limit = {"type": OrderType.LIMIT, "time_in_force": TimeInForce.GTC} if "price" in changes else {}
        return Wish(**(base | {"quantity": Decimal(1)} | limit | changes))

    def trade_at(self, price: int, quantity: str | None = None) -> None:
        part = None if quantity is None else Decimal(quantity)
        touched = self.exchange.on_price("BTCUSDT", Decimal(price), NOW + 1, part)
        self.desk.report(touched, NOW + 1, NOW)

    def told(self) -> list[tuple[str, ...]]:
        """Give the events in short, and forget them."""
        short = [
            (event["x"], event["X"]) if event["e"] == "executionReport" else ("balances",) for event in self.events
        ]
        self.events.clear()
        return short


@pytest.fixture
def trading() -> Trading:
    return Trading()


def test_a_market_order_is_told_as_new_then_each_fill_then_balances(trading: Trading) -> None:
    trading.place()
    new, trade, position = trading.events
    assert (new["x"], new["X"], new["t"], new["n"], new["N"]) == ("NEW", "NEW", -1, "0", None)
    assert (trade["x"], trade["X"], trade["w"], trade["M"]) == ("TRADE", "FILLED", False, True)
    assert (trade["l"], trade["L"], trade["z"], trade["Z"]) == (
        "1.00000000",
        "100.00000000",
        "1.00000000",
        "100.00000000",
    )
    assert (trade["n"], trade["N"]) == ("0.00100000", "BTC")
    assert position["B"] == [
        {"a": "BTC", "f": "0.99900000", "l": "0.00000000"},
        {"a": "USDT", "f": "9900.00000000", "l": "0.00000000"},
    ]


def test_a_resting_order_is_told_once_for_each_part_that_fills(trading: Trading) -> None:
    trading.place(price=Decimal(90))
    assert trading.told() == [("NEW", "NEW"), ("balances",)]
    trading.trade_at(90, "0.4")
    part = trading.events[0]
    assert (part["X"], part["l"], part["z"], part["m"]) == ("PARTIALLY_FILLED", "0.40000000", "0.40000000", True)
    trading.told()
    trading.trade_at(90)
    rest = trading.events[0]
    assert (rest["X"], rest["l"], rest["z"], rest["Z"]) == ("FILLED", "0.60000000", "1.00000000", "90.00000000")
    assert trading.told() == [("TRADE", "FILLED"), ("balances",)]


def test_a_cancel_names_its_own_id_and_the_original_one(trading: Trading) -> None:
    order = trading.place(price=Decimal(90))
    trading.told()
    trading.desk.cancel("me", "BTCUSDT", client_order_id=None, order_id=order.order_id, cancel_id="x1", now_ms=NOW + 5)
    report = trading.events[0]
    assert (report["x"], report["X"], report["c"], report["C"]) == ("CANCELED", "CANCELED", "x1", "c1")
    assert trading.told() == [("CANCELED", "CANCELED"), ("balances",)]


def test_an_order_that_cannot_fill_at_once_expires_with_its_reason(trading: Trading) -> None:
    trading.place(price=Decimal(90), time_in_force=TimeInForce.IOC)
    assert trading.events[1]["eR"] == "UNFILLED_IOC_QUANTITY_EXPIRED"
    assert trading.told() == [("NEW", "NEW"), ("EXPIRED", "EXPIRED"), ("balances",)]


def test_a_refused_order_leaves_no_event_and_no_order(trading: Trading) -> None:
    with pytest.raises(Refused, match="insufficient balance"):
        trading.place(quantity=Decimal(101))
    with pytest.raises(Refused, match="Filter failure: LOT_SIZE"):
        trading.place(quantity=Decimal("0.000001"))
    with pytest.raises(ApiError, match="Invalid symbol"):
        trading.place(symbol="NOPE")
    assert trading.told() == []
    assert trading.exchange.orders("me", "BTCUSDT") == []


def test_who_stops_listening_is_told_nothing_more(trading: Trading) -> None:
    trading.stop()
    trading.place()
    assert trading.told() == []


def test_orders_that_fill_at_once_do_not_use_the_limit_up_and_resting_ones_do() -> None:
    trading = Trading(per_10s=2)
    for _ in range(5):
        trading.place(quantity=Decimal("0.1"))
    trading.place(price=Decimal(90), client_order_id="a")
    trading.place(price=Decimal(90), client_order_id="b")
    with pytest.raises(ApiError) as refused:
        trading.place(price=Decimal(90), client_order_id="c")
    assert refused.value.code == -1015


def test_checking_alone_places_nothing(trading: Trading) -> None:
    trading.desk.check(trading.wish())
    trading.desk.check(trading.wish(quantity=None, quote_quantity=Decimal(50)))
    with pytest.raises(Refused, match="Filter failure: NOTIONAL"):
        trading.desk.check(trading.wish(quantity=Decimal("0.01")))
    assert trading.told() == []


def test_the_self_trade_mode_of_an_order_is_kept(trading: Trading) -> None:
    order = trading.place(price=Decimal(90), stp="NONE")
    assert trading.desk.stp_of(order) == "NONE"
    assert trading.events[0]["V"] == "NONE"
    assert order.status is OrderStatus.NEW


def test_made_client_ids_differ_and_fit() -> None:
    made = {new_client_id() for _ in range(50)}
    assert len(made) == 50
    assert all(len(one) <= 36 for one in made)
