"""Whatever is ordered and whatever the market does, the simulated exchange makes and loses no money."""

from collections import defaultdict
from contextlib import suppress
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.instrument import Instrument, LotRule, NotionalRule, PriceRule
from bot.domain.ledger import postings_of
from bot.domain.market import Candle
from bot.domain.order import OrderType, Side, TimeInForce
from bot.simulation.exchange import Exchange, Refused, Terms

D = Decimal
RULES = Instrument(
    symbol="ABCUSDT",
    base="ABC",
    quote="USDT",
    price=PriceRule(D("0.01"), D(1_000), D("0.01")),
    lot=LotRule(D("0.001"), D(1_000), D("0.001")),
    notional=NotionalRule(smallest=D(1)),
    max_orders=20,
)
FUNDS = {"ann": {"USDT": D(2_000), "ABC": D(20)}, "bob": {"USDT": D("77.77777777"), "ABC": D("0.12345678")}}
TERMS = [
    Terms(),
    Terms(fill="midpoint", slippage_bps=D(150)),
    Terms(fill="next", slippage_bps=D(3), taker_fee=D("0.00075")),
    Terms(maker_fee=D(0), taker_fee=D("0.0123456789")),
]

prices = st.integers(9_000, 11_000).map(lambda cents: D(cents) / 100)
orders = st.fixed_dictionaries(
    {
        "account": st.sampled_from(sorted(FUNDS)),
        "side": st.sampled_from(Side),
        "kind": st.sampled_from(["LIMIT_MAKER", "MARKET", "QUOTE", *TimeInForce]),
        "price": prices,
        "size": st.integers(10, 3_000).map(lambda lots: D(lots) / 1_000),
        "terms": st.sampled_from(TERMS),
    }
)
bars = st.lists(prices, min_size=4, max_size=4)
trades = st.tuples(prices, st.none() | st.integers(1, 2_000).map(lambda lots: D(lots) / 1_000))
cancels = st.integers(1, 30)
happenings = st.lists(st.one_of(orders, orders, bars, trades, cancels), min_size=12, max_size=40)


def happen(exchange: Exchange, what: object, minute: int) -> None:
    """Let one thing happen; what is refused has simply not happened."""
    now_ms = minute * 60_000
    match what:
        case dict():
            place(exchange, what, f"order-{minute}", now_ms)
        case list():
            numbers = [float(price) for price in (what[0], max(what), min(what), what[-1])]
            exchange.on_candle(Candle("ABCUSDT", "1m", now_ms, *numbers, 1.0, now_ms + 59_999))
        case (price, quantity):
            exchange.on_price("ABCUSDT", price, now_ms, quantity)
        case int():
            for account in FUNDS:
                with suppress(Refused):
                    exchange.cancel(account, "ABCUSDT", order_id=what, now_ms=now_ms)


def place(exchange: Exchange, wanted: dict[str, object], name: str, now_ms: int) -> None:
    kind = wanted["kind"]
    words = {"symbol": "ABCUSDT", "client_order_id": name, "now_ms": now_ms, "side": wanted["side"]}
    if kind == "MARKET":
        words |= {"type": OrderType.MARKET, "quantity": wanted["size"]}
    elif kind == "QUOTE":
        words |= {"type": OrderType.MARKET, "quote_quantity": wanted["size"] * 100}
    elif kind == "LIMIT_MAKER":
        words |= {"type": OrderType.LIMIT_MAKER, "quantity": wanted["size"], "price": wanted["price"]}
    else:
        words |= {
            "type": OrderType.LIMIT,
            "time_in_force": kind,
            "quantity": wanted["size"],
            "price": wanted["price"],
        }
    before = exchange.balances(wanted["account"])
    try:
        exchange.place(wanted["account"], terms=wanted["terms"], **words)
    except Refused:
        assert exchange.balances(wanted["account"]) == before


def check_money(exchange: Exchange) -> None:
    """Every balance is what it was plus the postings of every fill, and each lock is what open orders need."""
    for account, funds in FUNDS.items():
        totals = defaultdict(Decimal, funds)
        for fill in exchange.fills(account, "ABCUSDT"):
            for posting in postings_of(fill, "ours", "ABC", "USDT"):
                if posting.ledger == "ours":
                    totals[posting.asset] += posting.amount
        locks = defaultdict(Decimal)
        for order in exchange.open_orders(account):
            asset = "USDT" if order.side is Side.BUY else "ABC"
            locks[asset] += order.locked
            if order.price is not None:
                assert order.locked == (order.price if asset == "USDT" else 1) * (order.quantity - order.filled)
        for asset, balance in exchange.balances(account).items():
            assert balance.total == totals[asset]
            assert balance.locked == locks[asset]
            assert balance.free >= 0


def check_orders(exchange: Exchange) -> None:
    """No order gets more than it asked for, a worse price than its limit, or a sum that its fills do not show."""
    for account in FUNDS:
        seen = [fill for order in exchange.orders(account, "ABCUSDT") for fill in order.fills]
        assert sorted(seen, key=lambda fill: fill.trade_id) == exchange.fills(account, "ABCUSDT")
        for order in exchange.orders(account, "ABCUSDT"):
            assert order.filled == sum(fill.quantity for fill in order.fills) <= order.quantity
            assert order.quote_filled == sum(fill.price * fill.quantity for fill in order.fills)
            assert order.is_open == (order in exchange.open_orders(account))
            if order.price is not None:
                assert all(
                    fill.price <= order.price if order.side is Side.BUY else fill.price >= order.price
                    for fill in order.fills
                )
            if order.quote_quantity is not None and order.side is Side.BUY:
                assert order.quote_filled <= order.quote_quantity


@settings(max_examples=150, deadline=None)
@given(story=happenings)
def test_any_story_conserves_money_and_respects_every_order(story: list[object]) -> None:
    exchange = Exchange({"ABCUSDT": RULES})
    for account, funds in FUNDS.items():
        exchange.open_account(account, funds)
    happen(exchange, [D(100), D(100), D(101), D(99)], 0)
    for minute, what in enumerate(story, start=1):
        happen(exchange, what, minute)
        check_money(exchange)
    check_orders(exchange)


@settings(max_examples=100, deadline=None)
@given(story=happenings)
def test_the_same_story_ends_the_same_way(story: list[object]) -> None:
    ends = []
    for _ in range(2):
        exchange = Exchange({"ABCUSDT": RULES})
        for account, funds in FUNDS.items():
            exchange.open_account(account, funds)
        for minute, what in enumerate(story, start=1):
            happen(exchange, what, minute)
        ends.append([(exchange.balances(account), exchange.fills(account, "ABCUSDT")) for account in FUNDS])
    assert ends[0] == ends[1]
