"""The simulated exchange keeps Binance's rules for placing, filling and cancelling."""

from decimal import Decimal
from typing import Any

import pytest

from bot.domain.instrument import Instrument
from bot.domain.market import Candle
from bot.domain.order import OrderStatus, OrderType, Side, TimeInForce
from bot.simulation.exchange import Balance, Exchange, Refused, RestingOrder, Terms

D = Decimal
MINUTE = 60_000
GTC, IOC, FOK = TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK


def put(
    exchange: Exchange, side: Side = Side.BUY, quantity: str | None = None, price: str | None = None, **more: Any
) -> RestingOrder:
    """Place a limit order when there is a price, else a market order."""
    kind = OrderType.MARKET if price is None else OrderType.LIMIT
    words: dict[str, Any] = {
        "client_order_id": f"c{more.get('now_ms', 0)}{side}{price}",
        "symbol": "ABCUSDT",
        "side": side,
        "type": kind,
        "quantity": None if quantity is None else D(quantity),
        "price": None if price is None else D(price),
        "time_in_force": GTC if kind is OrderType.LIMIT else None,
        "now_ms": MINUTE,
    }
    return exchange.place("ann", **(words | more))


def candle(minute: int, opened: float, high: float, low: float, close: float) -> Candle:
    start = minute * MINUTE
    return Candle("ABCUSDT", "1m", start, opened, high, low, close, 1.0, start + MINUTE - 1)


def test_a_market_buy_fills_at_the_last_price_and_pays_its_fee_in_base(exchange: Exchange) -> None:
    order = put(exchange, Side.BUY, "2")
    assert order.status is OrderStatus.FILLED
    assert [(fill.price, fill.quantity, fill.fee, fill.fee_asset) for fill in order.fills] == [
        (D(100), D(2), D("0.002"), "ABC")
    ]
    assert exchange.balances("ann") == {"USDT": Balance(D(800)), "ABC": Balance(D("11.998"))}


def test_a_market_sell_pays_its_fee_in_quote(exchange: Exchange) -> None:
    order = put(exchange, Side.SELL, "2")
    assert (order.quote_filled, order.fills[0].fee, order.fills[0].fee_asset) == (D(200), D("0.2"), "USDT")
    assert exchange.balances("ann") == {"USDT": Balance(D("1199.8")), "ABC": Balance(D(8))}


def test_a_market_buy_by_quote_amount_takes_the_largest_lot_it_pays_for(exchange: Exchange) -> None:
    exchange.on_price("ABCUSDT", D("99.97"), MINUTE)
    order = put(exchange, Side.BUY, quote_quantity=D(10))
    assert (order.filled, order.quote_filled) == (D("0.100"), D("9.99700"))
    assert exchange.balances("ann")["USDT"] == Balance(D("990.00300"))


def test_a_quote_amount_at_the_smallest_notional_may_stand(exchange: Exchange) -> None:
    exchange.on_price("ABCUSDT", D("99.97"), MINUTE)
    assert put(exchange, Side.SELL, quote_quantity=D(5)).filled == D("0.050")


@pytest.mark.parametrize(
    ("side", "terms", "price"),
    [
        (Side.BUY, Terms(fill="midpoint"), "99.50"),
        (Side.BUY, Terms(slippage_bps=D(10)), "100.10"),
        (Side.SELL, Terms(slippage_bps=D(10)), "99.90"),
        (Side.BUY, Terms(slippage_bps=D("0.5")), "100.01"),
        (Side.SELL, Terms(slippage_bps=D("0.5")), "99.99"),
        (Side.BUY, Terms(fill="midpoint", slippage_bps=D(10)), "99.60"),
    ],
)
def test_a_market_order_gets_the_price_of_its_terms(exchange: Exchange, side: Side, terms: Terms, price: str) -> None:
    assert put(exchange, side, "1", terms=terms).fills[0].price == D(price)


def test_an_order_for_the_next_candle_waits_with_its_money_locked_and_fills_at_the_open(
    exchange: Exchange,
) -> None:
    order = put(exchange, Side.BUY, "2", terms=Terms(fill="next"))
    assert order.status is OrderStatus.NEW
    assert exchange.balances("ann")["USDT"] == Balance(D(800), D(200))
    assert exchange.on_candle(candle(1, 101.0, 110.0, 90.0, 105.0)) == [order]
    assert (order.status, order.fills[0].price, order.fills[0].time_ms) == (OrderStatus.FILLED, D(101), MINUTE)
    assert exchange.balances("ann")["USDT"] == Balance(D(798))


def test_when_the_open_ran_away_a_waiting_order_buys_what_the_money_reaches(exchange: Exchange) -> None:
    order = put(exchange, Side.BUY, "10", terms=Terms(fill="next"))
    exchange.on_candle(candle(1, 103.0, 110.0, 90.0, 105.0))
    assert (order.status, order.filled) == (OrderStatus.EXPIRED, D("9.708"))
    assert exchange.balances("ann")["USDT"] == Balance(D("0.0760"))


def test_a_waiting_quote_order_spends_its_amount_at_the_open(exchange: Exchange) -> None:
    order = put(exchange, Side.BUY, quote_quantity=D(500), terms=Terms(fill="next"))
    exchange.on_candle(candle(1, 125.0, 130.0, 90.0, 105.0))
    assert (order.status, order.filled) == (OrderStatus.FILLED, D(4))


def test_an_order_never_meets_a_candle_that_opened_before_it_was_placed(exchange: Exchange) -> None:
    waiting = put(exchange, Side.BUY, "1", terms=Terms(fill="next"))
    limit = put(exchange, Side.BUY, "1", "96")
    hour = Candle("ABCUSDT", "1h", 0, 90.0, 110.0, 80.0, 100.0, 1.0, 3_599_999)
    assert exchange.on_candle(hour) == []
    assert waiting.is_open
    assert limit.is_open


def test_a_limit_far_below_the_market_rests_and_locks_price_times_quantity(exchange: Exchange) -> None:
    order = put(exchange, Side.BUY, "2", "60")
    assert (order.status, order.fills) == (OrderStatus.NEW, [])
    assert exchange.balances("ann")["USDT"] == Balance(D(880), D(120))


def test_a_limit_that_crosses_takes_the_last_price_and_gives_the_difference_back(exchange: Exchange) -> None:
    order = put(exchange, Side.BUY, "2", "110")
    assert (order.status, order.fills[0].price, order.fills[0].is_maker) == (OrderStatus.FILLED, D(100), False)
    assert exchange.balances("ann")["USDT"] == Balance(D(800))


def test_slippage_never_takes_a_limit_order_beyond_its_limit(exchange: Exchange) -> None:
    order = put(exchange, Side.SELL, "1", "99.95", terms=Terms(slippage_bps=D(100)))
    assert order.fills[0].price == D("99.95")


@pytest.mark.parametrize(
    ("side", "limit", "bar", "price", "time_ms"),
    [
        (Side.BUY, "96", candle(1, 100.0, 101.0, 95.0, 97.0), "96", 2 * MINUTE - 1),
        (Side.BUY, "95", candle(1, 100.0, 101.0, 95.0, 97.0), "95", 2 * MINUTE - 1),
        (Side.BUY, "96", candle(1, 94.0, 101.0, 93.0, 97.0), "94", MINUTE),
        (Side.SELL, "104", candle(1, 100.0, 104.0, 99.0, 100.0), "104", 2 * MINUTE - 1),
        (Side.SELL, "104", candle(1, 106.0, 107.0, 99.0, 100.0), "106", MINUTE),
    ],
)
def test_a_touched_limit_fills_as_maker_at_its_limit_or_at_a_better_open(
    exchange: Exchange, side: Side, limit: str, bar: Candle, price: str, time_ms: int
) -> None:
    order = put(exchange, side, "1", limit)
    assert exchange.on_candle(bar) == [order]
    fill = order.fills[0]
    assert (fill.price, fill.is_maker, fill.time_ms) == (D(price), True, time_ms)
    assert exchange.open_orders("ann") == []


def test_a_limit_that_is_not_touched_stays(exchange: Exchange) -> None:
    order = put(exchange, Side.BUY, "1", "94.99")
    assert exchange.on_candle(candle(1, 100.0, 101.0, 95.0, 97.0)) == []
    assert exchange.open_orders("ann", "ABCUSDT") == [order]


def test_inside_a_bar_buys_fill_before_sells(exchange: Exchange) -> None:
    sell = put(exchange, Side.SELL, "1", "101")
    low = put(exchange, Side.BUY, "1", "97")
    high = put(exchange, Side.BUY, "1", "98")
    assert exchange.on_candle(candle(1, 100.0, 102.0, 96.0, 101.0)) == [high, low, sell]


def test_a_forming_candle_changes_nothing(exchange: Exchange) -> None:
    put(exchange, Side.BUY, "1", "96")
    forming = Candle("ABCUSDT", "1m", MINUTE, 90.0, 90.0, 80.0, 85.0, 1.0, 2 * MINUTE - 1, is_closed=False)
    assert exchange.on_candle(forming) == []
    assert exchange.last_price("ABCUSDT") == D(100)


def test_a_trade_fills_what_it_reaches_at_the_limit_and_no_more_than_its_quantity(exchange: Exchange) -> None:
    near = put(exchange, Side.BUY, "2", "98")
    far = put(exchange, Side.BUY, "2", "97")
    assert exchange.on_price("ABCUSDT", D("96.50"), 2 * MINUTE, D(3)) == [near, far]
    assert (near.status, far.status, far.filled) == (OrderStatus.FILLED, OrderStatus.PARTIALLY_FILLED, D(1))
    assert near.fills[0].price == D(98)
    assert exchange.balances("ann")["USDT"] == Balance(D(610), D(97))
    assert exchange.on_price("ABCUSDT", D(97), 3 * MINUTE) == [far]
    assert [fill.trade_id for fill in exchange.fills("ann", "ABCUSDT")] == [1, 2, 3]


def test_a_cancelled_order_frees_what_is_left_of_its_lock(exchange: Exchange) -> None:
    order = put(exchange, Side.SELL, "2", "105")
    exchange.on_price("ABCUSDT", D(105), 2 * MINUTE, D("0.5"))
    cancelled = exchange.cancel("ann", "ABCUSDT", order_id=order.order_id, now_ms=3 * MINUTE)
    assert (cancelled.status, cancelled.filled, cancelled.updated_ms) == (
        OrderStatus.CANCELED,
        D("0.5"),
        3 * MINUTE,
    )
    assert exchange.balances("ann")["ABC"] == Balance(D("9.5"))


@pytest.mark.parametrize("tif", [IOC, FOK])
def test_an_order_that_must_trade_now_expires_when_it_cannot(exchange: Exchange, tif: TimeInForce) -> None:
    order = put(exchange, Side.BUY, "1", "99", time_in_force=tif)
    assert order.status is OrderStatus.EXPIRED
    assert exchange.balances("ann")["USDT"] == Balance(D(1_000))
    assert put(exchange, Side.BUY, "1", "100", time_in_force=tif).status is OrderStatus.FILLED


REFUSALS: list[tuple[str, int, str, dict[str, Any]]] = [
    ("unknown symbol", -1121, "Invalid symbol.", {"symbol": "XYZUSDT"}),
    ("no quantity", -1102, "Mandatory parameter 'quantity' was not sent, was empty/null, or malformed.", {}),
    ("two amounts", -1128, "Combination of optional parameters invalid.", {"quantity": D(1), "quote_quantity": D(9)}),
    (
        "market with time in force",
        -1106,
        "Parameter 'timeInForce' sent when not required.",
        {"quantity": D(1), "time_in_force": GTC},
    ),
    (
        "limit without time in force",
        -1102,
        "Mandatory parameter 'timeInForce' was not sent, was empty/null, or malformed.",
        {"type": OrderType.LIMIT, "quantity": D(1), "price": D(99), "time_in_force": None},
    ),
    ("zero quantity", -1013, "Price * QTY is zero or less.", {"quantity": D(0)}),
    (
        "not a number",
        -1102,
        "Mandatory parameter 'quantity' was not sent, was empty/null, or malformed.",
        {"quantity": D("NaN")},
    ),
    ("nine decimals", -1111, "Parameter 'quantity' has too much precision.", {"quantity": D("1.000000001")}),
    ("off the step", -1013, "Filter failure: LOT_SIZE", {"quantity": D("1.0001")}),
    ("over the market lot", -1013, "Filter failure: MARKET_LOT_SIZE", {"quantity": D(501)}),
    ("too small a worth", -1013, "Filter failure: NOTIONAL", {"quantity": D("0.049")}),
    ("too small an amount", -1013, "Filter failure: NOTIONAL", {"quote_quantity": D("4.99")}),
    (
        "off the tick",
        -1013,
        "Filter failure: PRICE_FILTER",
        {"type": OrderType.LIMIT, "quantity": D(1), "price": D("99.001"), "time_in_force": GTC},
    ),
    (
        "out of the band",
        -1013,
        "Filter failure: PERCENT_PRICE_BY_SIDE",
        {"type": OrderType.LIMIT, "quantity": D(9), "price": D(1), "time_in_force": GTC},
    ),
    ("more than the money", -2010, "Account has insufficient balance for requested action.", {"quantity": D("10.001")}),
    (
        "more than the coins",
        -2010,
        "Account has insufficient balance for requested action.",
        {"side": Side.SELL, "quantity": D("10.001")},
    ),
    (
        "post-only that takes",
        -2010,
        "Order would immediately match and take.",
        {"type": OrderType.LIMIT_MAKER, "quantity": D(1), "price": D(100), "time_in_force": None},
    ),
]


@pytest.mark.parametrize(("code", "text", "words"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS])
def test_what_binance_refuses_is_refused_with_its_code_and_changes_nothing(
    exchange: Exchange, code: int, text: str, words: dict[str, Any]
) -> None:
    before = exchange.balances("ann")
    with pytest.raises(Refused) as refusal:
        put(exchange, **words)
    assert (refusal.value.code, refusal.value.message) == (code, text)
    assert exchange.balances("ann") == before
    assert exchange.orders("ann", "ABCUSDT") == []


def test_a_market_order_before_any_price_finds_no_liquidity(instrument: Instrument) -> None:
    exchange = Exchange({"ABCUSDT": instrument})
    exchange.open_account("ann", {"USDT": D(1_000)})
    with pytest.raises(Refused, match="liquidity") as refusal:
        put(exchange, Side.BUY, "1")
    assert refusal.value.code == -2010


def test_a_symbol_on_a_break_takes_no_orders(instrument: Instrument) -> None:
    from msgspec.structs import replace

    exchange = Exchange({"ABCUSDT": replace(instrument, status="BREAK")})
    exchange.open_account("ann", {"USDT": D(1_000)})
    with pytest.raises(Refused, match="Market is closed"):
        put(exchange, Side.BUY, "1", "100")


def test_a_client_order_id_is_refused_while_open_and_free_again_when_done(exchange: Exchange) -> None:
    first = put(exchange, Side.BUY, "1", "90", client_order_id="mine")
    with pytest.raises(Refused, match="Duplicate order sent"):
        put(exchange, Side.BUY, "1", "91", client_order_id="mine")
    exchange.cancel("ann", "ABCUSDT", client_order_id="mine", now_ms=MINUTE)
    second = put(exchange, Side.BUY, "1", "92", client_order_id="mine")
    assert exchange.order("ann", "ABCUSDT", client_order_id="mine") is second
    assert exchange.order("ann", "ABCUSDT", order_id=first.order_id) is first


def test_only_so_many_orders_may_stand_on_a_symbol(exchange: Exchange) -> None:
    for price in ("90", "91", "92"):
        put(exchange, Side.BUY, "1", price)
    with pytest.raises(Refused, match="MAX_NUM_ORDERS") as refusal:
        put(exchange, Side.BUY, "1", "93")
    assert refusal.value.code == -2010


def test_finished_and_foreign_orders_cannot_be_cancelled(exchange: Exchange) -> None:
    exchange.open_account("bob", {})
    order = put(exchange, Side.BUY, "1", "90", client_order_id="mine")
    for account, ids in [("bob", {"order_id": order.order_id}), ("ann", {"client_order_id": "other"})]:
        with pytest.raises(Refused, match="Unknown order sent") as refusal:
            exchange.cancel(account, "ABCUSDT", now_ms=MINUTE, **ids)
        assert refusal.value.code == -2011
    with pytest.raises(Refused, match="does not exist") as missing:
        exchange.order("ann", "ABCUSDT", client_order_id="other", order_id=order.order_id)
    assert missing.value.code == -2013


def test_an_adopted_order_takes_its_lock_again_and_new_ids_follow_it(exchange: Exchange) -> None:
    kept = RestingOrder(
        account="ann", order_id=70, client_order_id="kept", symbol="ABCUSDT", side=Side.BUY, type=OrderType.LIMIT,
        quantity=D(3), filled=D(1), quote_filled=D(96), price=D(96), time_in_force=GTC, created_ms=MINUTE,
        status=OrderStatus.PARTIALLY_FILLED,
    )  # fmt: skip
    exchange.adopt("ann", kept)
    assert exchange.balances("ann")["USDT"] == Balance(D(808), D(192))
    assert put(exchange, Side.BUY, "1", "90").order_id == 71
    exchange.on_candle(candle(1, 97.0, 98.0, 95.0, 97.0))
    assert (kept.status, kept.filled, kept.quote_filled) == (OrderStatus.FILLED, D(3), D(288))
    with pytest.raises(ValueError, match="only open orders"):
        exchange.adopt("ann", kept)


def test_an_account_opens_once(exchange: Exchange) -> None:
    with pytest.raises(ValueError, match="open already"):
        exchange.open_account("ann", {})


@pytest.mark.parametrize("wrong", [{"maker_fee": D(1)}, {"taker_fee": D(-1)}, {"slippage_bps": D(10_000)}])
def test_terms_that_cannot_be_meant_are_refused(wrong: dict[str, Decimal]) -> None:
    with pytest.raises(ValueError, match="write"):
        Terms(**wrong)  # type: ignore[arg-type]


def test_what_an_account_cannot_hold_is_refused(exchange: Exchange) -> None:
    with pytest.raises(ValueError, match="below zero: USDT"):
        exchange.open_account("bob", {"USDT": D(-1)})


def test_orders_of_one_account_are_not_seen_by_another(exchange: Exchange) -> None:
    exchange.open_account("bob", {"USDT": D(500)})
    put(exchange, Side.BUY, "1", "90")
    assert exchange.open_orders("bob") == []
    assert exchange.orders("bob", "ABCUSDT") == []
    assert exchange.balances("bob") == {"USDT": Balance(D(500))}


def test_a_market_order_that_waits_can_be_cancelled(exchange: Exchange) -> None:
    order = put(exchange, Side.SELL, "2", terms=Terms(fill="next"))
    exchange.cancel("ann", "ABCUSDT", order_id=order.order_id, now_ms=2 * MINUTE)
    assert exchange.on_candle(candle(1, 100.0, 101.0, 99.0, 100.0)) == []
    assert exchange.balances("ann")["ABC"] == Balance(D(10))
