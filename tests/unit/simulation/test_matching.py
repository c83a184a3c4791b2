"""Clients meet each other in one book: price, then time; self-trades as the mode says; the outside when it is better."""

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from bot.domain.instrument import Instrument, SideBand
from bot.domain.order import OrderStatus, OrderType, Side, StpMode, TimeInForce
from bot.simulation.exchange import Balance, Exchange, Peg, Refused

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
S = OrderStatus


def test_two_clients_trade_at_the_price_of_the_one_who_stood_there(shared: Exchange, put: Any) -> None:
    maker = put("ann", SELL, "2", "101")
    taker = put("bob", BUY, "3", "102")
    assert [(fill.price, fill.quantity, fill.is_maker) for fill in taker.fills] == [(D(101), D(2), False)]
    assert [(fill.price, fill.quantity, fill.is_maker) for fill in maker.fills] == [(D(101), D(2), True)]
    assert taker.fills[0].trade_id == maker.fills[0].trade_id
    assert (maker.status, taker.status) == (S.FILLED, S.PARTIALLY_FILLED)
    assert shared.balances("ann") == {"USDT": Balance(D(10_202)), "ABC": Balance(D(98))}
    assert shared.balances("bob") == {"USDT": Balance(D(9_696), D(102)), "ABC": Balance(D(102))}
    assert shared.last_price("ABCUSDT") == D(101)


def test_at_one_price_the_oldest_is_served_first_and_a_better_price_before_both(put: Any) -> None:
    old, young, best = put("ann", SELL, "1", "102"), put("ann", SELL, "1", "102"), put("ann", SELL, "1", "101")
    put("bob", BUY, "1.5", "103")
    assert (best.filled, old.filled, young.filled) == (D(1), D("0.5"), D(0))


def test_an_iceberg_shows_a_part_and_queues_again_when_it_is_gone(shared: Exchange, put: Any) -> None:
    ice = put("ann", SELL, "3", "101", iceberg_quantity=D(1))
    plain = put("ann", SELL, "1", "101")
    assert shared.client_book("ABCUSDT", SELL, 5) == [(D(101), D(2))]
    put("bob", BUY, "1.5", "101")
    assert (ice.filled, plain.filled) == (D(1), D("0.5"))
    put("bob", BUY, "2", "101")
    assert (ice.filled, plain.filled, ice.shown) == (D("2.5"), D(1), D("0.5"))


def test_a_taker_takes_outside_depth_where_it_is_better_and_clients_first_where_it_is_equal(
    shared: Exchange, put: Any
) -> None:
    shared.on_depth("ABCUSDT", [(D(99), D(5))], [(D(101), D(1)), (D(102), D(1)), (D(103), D(1))], 1)
    client = put("ann", SELL, "1", "102")
    taker = put("bob", BUY, "2.5")
    assert [(fill.price, fill.quantity) for fill in taker.fills] == [
        (D(101), D(1)),
        (D(102), D(1)),
        (D(102), D("0.5")),
    ]
    assert client.status is S.FILLED
    assert put("bob", BUY, "9", "102.50").filled == D("0.5")


def test_a_new_picture_of_the_outside_fills_who_stands_in_its_way_at_his_own_limit(shared: Exchange, put: Any) -> None:
    bid = put("ann", BUY, "3", "99.50")
    assert shared.on_depth("ABCUSDT", [(D(98), D(1))], [(D(99), D(2)), (D(100), D(9))], 7) == [bid]
    assert [(fill.price, fill.quantity, fill.time_ms) for fill in bid.fills] == [(D("99.50"), D(2), 7)]


def test_a_market_order_that_empties_the_book_expires_with_the_rest(shared: Exchange, put: Any) -> None:
    put("ann", SELL, "1", "101")
    order = put("bob", BUY, "2")
    assert (order.status, order.filled, order.expiry_reason) == (S.EXPIRED, D(1), "INSUFFICIENT_LIQUIDITY")
    assert shared.balances("bob")["USDT"] == Balance(D(9_899))


def test_an_amount_of_quote_walks_the_book_in_whole_lots(shared: Exchange, put: Any) -> None:
    put("ann", SELL, "1", "100")
    put("ann", SELL, "1", "101.50")
    order = put("bob", BUY, None, quote_quantity=D(150))
    assert (order.filled, order.quote_filled, order.status) == (D("1.492"), D("149.93800"), S.FILLED)
    assert shared.balances("bob")["USDT"] == Balance(D("9850.06200"))


def test_an_order_that_wants_all_or_nothing_looks_at_the_whole_book_first(put: Any) -> None:
    put("ann", SELL, "1", "101")
    put("ann", SELL, "1", "102")
    nothing = put("bob", BUY, "2.001", "102", time_in_force=TimeInForce.FOK)
    assert (nothing.status, nothing.filled, nothing.expiry_reason) == (S.EXPIRED, 0, "UNFILLED_FOK_ORDER_EXPIRED")
    assert put("bob", BUY, "2", "102", time_in_force=TimeInForce.FOK).status is S.FILLED


def test_what_an_immediate_order_cannot_get_expires(put: Any) -> None:
    put("ann", SELL, "1", "101")
    order = put("bob", BUY, "2", "101", time_in_force=TimeInForce.IOC)
    assert (order.status, order.filled, order.expiry_reason) == (S.EXPIRED, D(1), "UNFILLED_IOC_QUANTITY_EXPIRED")


def test_a_post_only_order_is_refused_when_a_client_stands_in_its_way(put: Any) -> None:
    put("ann", SELL, "1", "101")
    with pytest.raises(Refused, match="immediately match and take"):
        put("bob", BUY, "1", "101", type=OrderType.LIMIT_MAKER)


@pytest.mark.parametrize(
    ("mode", "maker_end", "taker_end", "prevented"),
    [
        (StpMode.NONE, (S.FILLED, 2), (S.PARTIALLY_FILLED, 2), (0, 0)),
        (StpMode.EXPIRE_TAKER, (S.NEW, 0), (S.EXPIRED_IN_MATCH, 0), (0, 3)),
        (StpMode.EXPIRE_MAKER, (S.EXPIRED_IN_MATCH, 0), (S.NEW, 0), (2, 0)),
        (StpMode.EXPIRE_BOTH, (S.EXPIRED_IN_MATCH, 0), (S.EXPIRED_IN_MATCH, 0), (2, 3)),
        (StpMode.DECREMENT, (S.EXPIRED_IN_MATCH, 0), (S.NEW, 0), (2, 2)),
    ],
)
def test_an_owner_meets_himself_as_the_takers_mode_says(
    shared: Exchange,
    put: Any,
    mode: StpMode,
    maker_end: tuple[OrderStatus, int],
    taker_end: tuple[OrderStatus, int],
    prevented: tuple[int, int],
) -> None:
    maker = put("ann", SELL, "2", "101")
    taker = put("ann", BUY, "3", "101", stp=mode)
    assert (maker.status, maker.filled) == maker_end
    assert (taker.status, taker.filled) == taker_end
    assert (maker.prevented, taker.prevented) == prevented
    locked = sum(order.needs for order in (maker, taker) if order.side is BUY)
    assert shared.balances("ann")["USDT"].locked == locked
    assert [one.quantity for one in shared.prevented("ann", "ABCUSDT")] == ([] if mode is StpMode.NONE else [D(2)])


def test_accounts_of_one_trade_group_are_one_owner(full: Instrument) -> None:
    exchange = Exchange({"ABCUSDT": full}, clients_meet=True)
    for account, group in (("ann", 7), ("bob", 7), ("cat", 8)):
        exchange.open_account(account, {"USDT": D(1_000), "ABC": D(10)}, trade_group=group)
    exchange.on_depth("ABCUSDT", [], [], 0)
    words: dict[str, Any] = {
        "symbol": "ABCUSDT", "type": OrderType.LIMIT, "time_in_force": TimeInForce.GTC, "quantity": D(1),
        "price": D(100), "stp": StpMode.EXPIRE_TAKER, "now_ms": 1,
    }  # fmt: skip
    exchange.place("ann", client_order_id="a", side=SELL, **words)
    assert exchange.place("bob", client_order_id="b", side=BUY, **words).status is S.EXPIRED_IN_MATCH
    assert exchange.place("cat", client_order_id="c", side=BUY, **words).status is S.FILLED


def test_a_taker_outside_the_price_range_expires_there_with_its_reason(
    shared: Exchange, full: Instrument, put: Any
) -> None:
    shared.set_instrument(replace(full, price_range=SideBand(D("1.03"), D("0.97"), D("1.03"), D("0.97"))))
    put("ann", SELL, "1", "102")
    put("ann", SELL, "1", "104")
    free = put("bob", BUY, "0.1", "104")
    assert free.status is S.FILLED
    shared.set_reference_price("ABCUSDT", D(100))
    order = put("bob", BUY, "2", "105")
    assert (order.status, order.filled) == (S.EXPIRED, D("0.9"))
    assert order.expiry_reason == "EXECUTION_RULE_PRICE_RANGE_EXCEEDED"


@pytest.mark.parametrize(
    ("side", "peg", "price"),
    [
        (BUY, Peg("PRIMARY_PEG"), "99"),
        (BUY, Peg("PRIMARY_PEG", 1), "98"),
        (BUY, Peg("MARKET_PEG"), "101"),
        (SELL, Peg("PRIMARY_PEG", 2), "103"),
    ],
)
def test_a_pegged_price_is_read_off_the_book_on_arrival(
    shared: Exchange, put: Any, side: Side, peg: Peg, price: str
) -> None:
    shared.on_depth("ABCUSDT", [(D(99), D(5)), (D(98), D(5))], [(D(101), D(1)), (D(103), D(1))], 1)
    put("ann", SELL, "1", "102")
    order = put("bob", side, "0.5", type=OrderType.LIMIT, peg=peg, time_in_force=TimeInForce.GTC)
    assert order.price == D(price)


@pytest.mark.parametrize(("side", "price"), [(BUY, "99.98"), (SELL, "100.02")])
def test_a_peg_to_the_own_side_of_an_endless_market_rests_behind_its_price(
    shared: Exchange, put: Any, side: Side, price: str
) -> None:
    shared.forget_depth("ABCUSDT")
    order = put("bob", side, "0.5", type=OrderType.LIMIT, peg=Peg("PRIMARY_PEG", 1), time_in_force=TimeInForce.GTC)
    assert (order.price, order.is_open, order.filled) == (D(price), True, 0)


def test_a_peg_deeper_than_the_book_finds_no_liquidity(put: Any) -> None:
    with pytest.raises(Refused, match="liquidity"):
        put("bob", BUY, "1", type=OrderType.LIMIT, peg=Peg("PRIMARY_PEG"), time_in_force=TimeInForce.GTC)


def test_the_endless_outside_asks_a_spread_above_the_last_price(full: Instrument) -> None:
    exchange = Exchange({"ABCUSDT": full}, clients_meet=True, spread_ticks=3)
    for account in ("ann", "bob"):
        exchange.open_account(account, {"USDT": D(1_000), "ABC": D(10)})
    exchange.on_price("ABCUSDT", D(100), 0)
    words: dict[str, Any] = {"symbol": "ABCUSDT", "quantity": D(1), "now_ms": 1}
    limit = words | {"type": OrderType.LIMIT, "time_in_force": TimeInForce.GTC}
    inside = exchange.place("ann", client_order_id="1", side=SELL, price=D("100.02"), **limit)
    assert inside.is_open
    assert exchange.place("bob", client_order_id="2", side=BUY, type=OrderType.MARKET, **words).fills[0].price == D(
        "100.02"
    )
    assert exchange.place("bob", client_order_id="3", side=BUY, type=OrderType.MARKET, **words).fills[0].price == D(
        "100.03"
    )
    assert exchange.place("bob", client_order_id="4", side=SELL, price=D(99), **limit).fills[0].price == D(100)


def test_a_market_order_that_meets_its_owner_first_ends_or_passes_him_by(shared: Exchange, put: Any) -> None:
    put("bob", SELL, "1", "101")
    put("ann", SELL, "1", "102")
    ended = put("bob", BUY, "1", stp=StpMode.EXPIRE_TAKER)
    assert (ended.status, ended.fills) == (S.EXPIRED_IN_MATCH, [])
    passed = put("bob", BUY, "1", stp=StpMode.EXPIRE_MAKER)
    assert [fill.price for fill in passed.fills] == [D(102)]
    assert shared.balances("bob") == {"USDT": Balance(D(9_898)), "ABC": Balance(D(101))}


def test_an_iceberg_that_meets_its_owner_shows_no_more_than_is_left(put: Any) -> None:
    ice = put("ann", SELL, "3", "101", iceberg_quantity=D(2))
    put("ann", BUY, "2.5", "101", stp=StpMode.DECREMENT)
    assert (ice.prevented, ice.remaining, ice.shown) == (D("2.5"), D("0.5"), D("0.5"))


def test_takers_see_the_endless_outside_again_when_the_depth_is_forgotten(shared: Exchange, put: Any) -> None:
    shared.forget_depth("ABCUSDT")
    assert put("bob", BUY, "50").fills[0].price == D(100)


@pytest.mark.parametrize(("peg", "price"), [(Peg("PRIMARY_PEG", 2), "99.97"), (Peg("MARKET_PEG", 1), "100.01")])
def test_the_endless_outside_has_a_level_at_every_tick(shared: Exchange, put: Any, peg: Peg, price: str) -> None:
    shared.forget_depth("ABCUSDT")
    order = put("ann", BUY, "1", type=OrderType.LIMIT, peg=peg, time_in_force=TimeInForce.GTC)
    assert order.price == D(price)


def test_what_clients_trade_among_themselves_weighs_in_the_average(full: Instrument) -> None:
    exchange = Exchange({"ABCUSDT": replace(full, average_minutes=5)}, clients_meet=True)
    exchange.open_account("ann", {"USDT": D(1_000), "ABC": D(10)})
    exchange.on_price("ABCUSDT", D(100), 0, D(1))
    exchange.on_depth("ABCUSDT", [], [(D(104), D(3))], 0)
    exchange.place(
        "ann", client_order_id="1", symbol="ABCUSDT", side=BUY, type=OrderType.MARKET, quantity=D(3), now_ms=1
    )
    assert exchange.average_price("ABCUSDT") == D(103)
