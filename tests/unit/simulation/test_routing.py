"""Smart order routing: the best of several books, allocations instead of trades, and what is left in the own book."""

from decimal import Decimal

import pytest
from msgspec.structs import replace

from bot.domain.instrument import Instrument
from bot.domain.order import OrderStatus, OrderType, Side, StpMode, TimeInForce
from bot.simulation.exchange import Commission, Exchange, NewOrder, Rates, Readings, Refused, RestingOrder
from bot.simulation.happenings import ROUTER, Allocation, Happening, OrderMoved, Traded

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
SYMBOLS = ("ABCUSDT", "ABCUSDC", "ABCUSDP")
ASKS = {"ABCUSDT": ((305, 3), (308, 3)), "ABCUSDC": ((280, 1), (300, 1)), "ABCUSDP": ((290, 1), (350, 1))}
"""The books of the examples in Binance's FAQ."""


def open_exchange(full: Instrument, told: list[Happening], **more: bool) -> Exchange:
    rules = {symbol: replace(full, symbol=symbol, quote=symbol.removeprefix("ABC")) for symbol in SYMBOLS}
    exchange = Exchange(rules, clients_meet=True, observe=told.append, sors=[SYMBOLS], readings=Readings(**more))
    funds = {"USDT": D(10_000), "USDC": D(10_000), "ABC": D(100)}
    for account in ("ann", "bob"):
        exchange.open_account(account, funds, commission=Commission(Rates()))
    for symbol, asks in ASKS.items():
        exchange.on_price(symbol, D(300), 0)
        exchange.on_depth(symbol, [], [(D(price), D(quantity)) for price, quantity in asks], 0)
    return exchange


@pytest.fixture
def exchange(full: Instrument, told: list[Happening]) -> Exchange:
    return open_exchange(full, told)


def route(
    exchange: Exchange,
    quantity: str,
    price: str | None = None,
    side: Side = BUY,
    tif: str = "GTC",
    stp: StpMode | None = None,
    changes: dict[str, object] | None = None,
) -> RestingOrder:
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    wish = NewOrder(
        symbol="ABCUSDT", side=side, type=kind, client_order_id="r", quantity=D(quantity), uses_sor=True,
        price=None if price is None else D(price), time_in_force=None if price is None else TimeInForce(tif),
    )  # fmt: skip
    return exchange.submit("ann", replace(wish, **({"stp": stp} | (changes or {}))), 5)


def offer(
    exchange: Exchange, account: str, price: str, quantity: str, symbol: str = "ABCUSDC", **more: object
) -> RestingOrder:
    wish = NewOrder(
        symbol=symbol, side=SELL, type=OrderType.LIMIT, client_order_id=f"o{price}", quantity=D(quantity),
        price=D(price), time_in_force=TimeInForce.GTC,
    )  # fmt: skip
    return exchange.submit(account, replace(wish, **more), 1)


def parts(order: RestingOrder) -> list[tuple[int, int, bool]]:
    return [(int(fill.price), int(fill.quantity), isinstance(fill, Allocation)) for fill in order.fills]


def test_a_routed_order_takes_the_best_price_of_every_book_and_pays_in_its_own_quote(exchange: Exchange) -> None:
    order = route(exchange, "5", "310")
    assert parts(order) == [(280, 1, True), (290, 1, True), (300, 1, True), (305, 2, False)]
    assert (order.status, order.used_sor, order.working_floor) == (OrderStatus.FILLED, True, "EXCHANGE")
    held = exchange.balances("ann")
    assert (held["USDT"].total, held["USDC"].total, held["ABC"].total) == (D(10_000 - 1_480), D(10_000), D(105))
    rows = exchange.allocations("ann", "ABCUSDT")
    assert [(row.allocation_id, row.trade_id, row.price) for row in rows] == [
        (0, -1, D(280)), (1, -1, D(290)), (2, -1, D(300))
    ]  # fmt: skip
    assert [fill.price for fill in exchange.fills("ann", "ABCUSDT")] == [D(305)]


def test_by_the_other_reading_its_own_book_is_allocated_too(full: Instrument, told: list[Happening]) -> None:
    exchange = open_exchange(full, told, sor_allocates_own_book=True)
    order = route(exchange, "5", "310")
    assert [is_allocation for *_, is_allocation in parts(order)] == [True] * 4
    assert (order.working_floor, exchange.fills("ann", "ABCUSDT")) == ("SOR", [])


def test_what_no_book_has_of_a_market_order_expires(exchange: Exchange) -> None:
    order = route(exchange, "11")
    assert (order.status, order.filled, order.working_floor) == (OrderStatus.EXPIRED, D(10), "SOR")
    assert order.quote_filled == D(280 + 290 + 300 + 3 * 305 + 3 * 308 + 350)


def test_the_rest_of_a_limit_order_stands_in_its_own_book(exchange: Exchange) -> None:
    order = route(exchange, "3", "295")
    assert (order.status, order.filled, order.working_floor) == (OrderStatus.PARTIALLY_FILLED, D(2), "EXCHANGE")
    assert exchange.client_book("ABCUSDT", BUY, 5) == [(D(295), D(1))]
    assert exchange.balances("ann")["USDT"].locked == D(295)


@pytest.mark.parametrize(("quantity", "filled"), [("10", 10), ("11", 0)])
def test_fill_or_kill_looks_into_every_book(exchange: Exchange, quantity: str, filled: int) -> None:
    assert route(exchange, quantity, "400", tif="FOK").filled == D(filled)


def test_a_client_in_another_book_sells_to_the_router(exchange: Exchange, told: list[Happening]) -> None:
    maker = offer(exchange, "bob", "270", "2")
    order = route(exchange, "2", "310")
    assert (maker.status, parts(order)) == (OrderStatus.FILLED, [(270, 2, True)])
    trade = next(one for one in told if isinstance(one, Traded))
    assert (trade.symbol, trade.taker, trade.maker, trade.taker_side) == ("ABCUSDC", ROUTER, "bob", BUY)
    assert (trade.taker_fill, trade.maker_fill) == (None, maker.fills[0])
    assert exchange.balances("bob")["USDC"].free == D(10_540)
    moves = [one for one in told if isinstance(one, OrderMoved) and one.execution == "TRADE"]
    assert {(one.account, one.counterparty) for one in moves} == {("bob", ROUTER), ("ann", ROUTER)}
    assert exchange.last_price("ABCUSDC") == D(270)


def test_at_one_price_its_own_book_comes_first(exchange: Exchange) -> None:
    offer(exchange, "bob", "270", "1")
    offer(exchange, "bob", "270", "1", symbol="ABCUSDT")
    assert parts(route(exchange, "1", "310")) == [(270, 1, False)]


@pytest.mark.parametrize("mode", [StpMode.DECREMENT, StpMode.TRANSFER])
def test_an_owner_does_not_trade_with_himself_through_the_router(exchange: Exchange, mode: StpMode) -> None:
    maker = offer(exchange, "ann", "270", "2", stp=mode)
    order = route(exchange, "2", "275", stp=mode)
    assert (maker.status, order.status) == (OrderStatus.EXPIRED_IN_MATCH, OrderStatus.EXPIRED_IN_MATCH)
    (told,) = exchange.prevented("ann", "ABCUSDT")
    assert (told.maker_symbol, told.price, told.taker_lost, told.maker_lost) == ("ABCUSDC", D(270), D(2), D(2))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"type": OrderType.LIMIT_MAKER, "time_in_force": None}, -1116),
        (
            {"type": OrderType.MARKET, "price": None, "time_in_force": None, "quantity": None, "quote_quantity": D(9)},
            -1106,
        ),
    ],
)
def test_only_limit_and_market_by_quantity_are_routed(
    exchange: Exchange, changes: dict[str, object], code: int
) -> None:
    with pytest.raises(Refused) as refusal:
        route(exchange, "1", "310", changes=changes)
    assert refusal.value.code == code


def test_a_symbol_without_a_group_is_not_routed(full: Instrument) -> None:
    exchange = Exchange({"ABCUSDT": full})
    exchange.open_account("ann", {"USDT": D(1_000)})
    with pytest.raises(Refused, match="SOR is not supported"):
        route(exchange, "1", "310")


def test_symbols_of_different_bases_make_no_group(full: Instrument) -> None:
    rules = {"ABCUSDT": full, "XYZUSDT": replace(full, symbol="XYZUSDT", base="XYZ")}
    with pytest.raises(ValueError, match="base assets differ"):
        Exchange(rules, sors=[tuple(rules)])
