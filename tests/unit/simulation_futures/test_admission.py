"""What the futures exchange refuses, code by code, and that a refusal changes nothing."""

from decimal import Decimal

import msgspec
import pytest
from tests.unit.simulation_futures.desk import Desk, code_of, contract

from bot.domain.order import OrderType, Side
from bot.simulation.futures.requests import NewOrder
from bot.simulation.futures.words import AlgoType, PositionSide, PriceMatch, TimeInForce

D = Decimal
LIMIT = {
    "symbol": "AAAUSDT",
    "side": Side.BUY,
    "type": OrderType.LIMIT,
    "client_order_id": "x",
    "quantity": D(1),
    "price": D(99),
    "time_in_force": TimeInForce.GTC,
}
MARKET = {"symbol": "AAAUSDT", "side": Side.BUY, "type": OrderType.MARKET, "client_order_id": "x", "quantity": D(1)}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"symbol": "NOPE"}, -1121),
        ({"type": OrderType.LIMIT_MAKER}, -1116),
        ({"type": AlgoType.STOP_MARKET}, -4120),
        ({"client_order_id": "x" * 37}, -4015),
        ({"client_order_id": "no space"}, -1100),
        ({"client_order_id": ""}, -1100),
        ({"client_order_id": "autoclose-1"}, -1100),
        ({"client_order_id": "adl_autoclose"}, -1100),
        ({"quantity": None}, -1102),
        ({"price": None}, -1102),
        ({"time_in_force": None}, -1102),
        ({"time_in_force": TimeInForce.GTD}, -1102),
        ({"time_in_force": TimeInForce.GTD, "good_till_ms": 1_001 + 600_000}, -5040),
        ({"time_in_force": TimeInForce.GTD, "good_till_ms": 253_402_300_799_000}, -5040),
        ({"good_till_ms": 10**12}, -1106),
        ({"price_match": PriceMatch.QUEUE}, -1106),
        ({"price_match": PriceMatch.OPPONENT_10, "price": None}, -5037),
        ({"price_match": PriceMatch.OPPONENT_5, "price": None}, -5041),
        ({"position_side": PositionSide.LONG}, -4061),
        ({"price": D("99.001")}, -1111),
        ({"price": D("NaN")}, -1102),
        ({"price": D(0)}, -4001),
        ({"price": D("0.05")}, -4013),
        ({"price": D(100_001)}, -4002),
        ({"price": D("99.05")}, -4014),
        ({"price": D("200.1")}, -4016),
        ({"side": Side.SELL, "price": D("49.9")}, -4024),
        ({"quantity": D("0.0001")}, -1111),
        ({"quantity": D(0)}, -4003),
        ({"quantity": D("0.05")}, -4004),
        ({"quantity": D("10000.1")}, -4005),
        ({"quantity": D("0.15")}, -4023),
        ({"quantity": D("0.1"), "price": D("49.9")}, -4164),
        ({"reduce_only": True}, -2022),
        ({"quantity": D(6000)}, -2027),
        ({"quantity": D(300)}, -2019),
        ({"time_in_force": TimeInForce.GTX, "price": D(100)}, -5022),
        ({"time_in_force": TimeInForce.RPI, "price": D(101)}, -5022),
        ({"time_in_force": TimeInForce.FOK}, -5021),
        ({}, 0),
        ({"price": D(200)}, 0),
        ({"price": D("0.1"), "quantity": D(60)}, 0),
    ],
)
def test_a_limit_order_is_refused_with_the_code_of_its_fault(desk: Desk, changes: dict[str, object], code: int) -> None:
    request = NewOrder(**{**LIMIT, **changes})
    assert code_of(lambda: desk.exchange.place("ann", request, now_ms=1_001)) == code
    assert bool(code) == (not desk.exchange.orders("ann"))
    assert bool(code) == (not desk.seen)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"price": D(100)}, -1106),
        ({"time_in_force": TimeInForce.GTC}, -1106),
        ({"price_match": PriceMatch.QUEUE}, -5038),
        ({"quantity": D("5000.1")}, -4005),
        ({"symbol": "BBBUSDT"}, -1112),
        ({}, 0),
    ],
)
def test_a_market_order_is_refused_with_the_code_of_its_fault(
    desk: Desk, changes: dict[str, object], code: int
) -> None:
    request = NewOrder(**{**MARKET, **changes})
    assert code_of(lambda: desk.exchange.place("ann", request, now_ms=1_001)) == code


def test_a_market_order_is_refused_when_the_counter_price_is_far_from_the_mark(desk: Desk) -> None:
    desk.mark("80")
    assert code_of(lambda: desk.market(Side.BUY, "1")) == 0
    desk.mark("76")
    assert code_of(lambda: desk.market(Side.BUY, "1")) == -4131


@pytest.mark.parametrize(("status", "code"), [("CLOSE", -4141), ("SETTLING", -4140), ("TRADING", 0)])
def test_a_symbol_that_does_not_trade_takes_no_orders(status: str, code: int) -> None:
    rules = msgspec.structs.replace(contract("AAAUSDT").rules, status=status)
    desk = Desk(rules=rules)
    desk.open()
    desk.price("100")
    assert code_of(lambda: desk.limit(Side.BUY, "1", "99")) == code


def test_an_id_is_free_again_when_its_order_is_done(desk: Desk) -> None:
    first = desk.limit(Side.BUY, "1", "99", client_order_id="mine")
    assert code_of(lambda: desk.limit(Side.BUY, "1", "98", client_order_id="mine")) == -4116
    desk.exchange.cancel("ann", "AAAUSDT", order_id=first.order_id, now_ms=desk.now_ms)
    second = desk.limit(Side.BUY, "1", "98", client_order_id="mine")
    assert desk.exchange.order("ann", "AAAUSDT", client_order_id="mine") is second


def test_the_number_of_open_orders_has_a_limit(desk: Desk) -> None:
    for _ in range(20):
        desk.limit(Side.BUY, "0.1", "90")
    assert code_of(lambda: desk.limit(Side.BUY, "0.1", "90")) == -2025


def test_minimum_notional_of_a_market_order_counts_at_the_mark_and_reducing_is_exempt(desk: Desk) -> None:
    desk.mark("49")
    desk.price("49")
    assert code_of(lambda: desk.market(Side.BUY, "0.1")) == -4164
    desk.market(Side.BUY, "0.2")
    assert code_of(lambda: desk.market(Side.SELL, "0.1", reduce_only=True)) == 0


def test_the_margin_of_a_buy_above_the_mark_counts_its_loss(desk: Desk) -> None:
    # 20x: margin 110 * q / 20 = 5.5 q, and 10 q more is lost at once: 15.5 q <= 1000 up to 64.5.
    desk.mark("100")
    desk.exchange.on_book("AAAUSDT", [(D(99), D(1))], [(D(110), D(1000))], desk.now_ms)
    assert code_of(lambda: desk.limit(Side.BUY, "64.6", "110", time_in_force=TimeInForce.IOC)) == -2019
    assert code_of(lambda: desk.limit(Side.BUY, "64.5", "110", time_in_force=TimeInForce.IOC)) == 0


def test_opposite_orders_share_their_margin(desk: Desk) -> None:
    # 100 * 99 / 20 = 495 each: one margin does for a buy and a sell, since only one of them can enlarge the position.
    desk.limit(Side.BUY, "100", "99")
    desk.limit(Side.SELL, "98", "101")
    assert desk.exchange.asset("ann", "USDT").order_margin == D("495")
    assert code_of(lambda: desk.limit(Side.BUY, "110", "99")) == -2019
    assert code_of(lambda: desk.limit(Side.BUY, "100", "99")) == 0


def test_a_checked_order_leaves_no_trace(desk: Desk) -> None:
    assert desk.exchange.check("ann", NewOrder(**LIMIT), now_ms=1_001).quantity == D(1)
    assert desk.exchange.orders("ann") == []
    assert code_of(lambda: desk.exchange.check("ann", NewOrder(**{**LIMIT, "quantity": D(300)}), now_ms=1_001)) == -2019
