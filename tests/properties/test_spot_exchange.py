"""Several accounts in one book: whatever they order, money, locks, queues and lists stay right to the last unit."""

from collections import defaultdict
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.domain.instrument import Instrument, LotRule, NotionalRule, PriceRule
from bot.domain.market import Candle
from bot.domain.order import MOVES, Fill, OrderStatus, OrderType, Side, StpMode, TimeInForce
from bot.simulation.exchange import Commission, Exchange, ListKind, NewList, NewOrder, Rates, Refused, RestingOrder
from bot.simulation.happenings import ROUTER, BalanceMoved, Happening, OrderAccepted, OrderMoved, Traded

D = Decimal
SYMBOL, TWIN = "ABCUSDT", "ABCUSDC"
RULES = Instrument(
    symbol=SYMBOL,
    base="ABC",
    quote="USDT",
    price=PriceRule(D("0.01"), D(1_000), D("0.01")),
    lot=LotRule(D("0.001"), D(1_000), D("0.001")),
    notional=NotionalRule(smallest=D(1)),
    max_orders=15,
    max_algo_orders=5,
    max_amends=2,
    max_lists=3,
    order_types=frozenset(OrderType),
)
TWIN_RULES = replace(RULES, symbol=TWIN, quote="USDC")
QUOTES = {SYMBOL: "USDT", TWIN: "USDC"}
BNB_RULES = Instrument(symbol="BNBUSDT", base="BNB", quote="USDT")
FUNDS = {
    "ann": {"USDT": D(3_000), "USDC": D(900), "ABC": D(30), "BNB": D("0.01")},
    "bob": {"USDT": D("777.77777777"), "USDC": D("77.7"), "ABC": D("5.12345678"), "BNB": D("0.00123457")},
    "cat": {"USDT": D(1_000), "USDC": D(500), "ABC": D(9)},
}
GROUPS = {"ann": 1, "bob": 1, "cat": -1}
"""Ann and bob are one owner for self-trade prevention, and may pass money between them."""
BURNS = Commission(
    Rates(D("0.001"), D("0.0012345"), D("0.0001")), tax=Rates(taker=D("0.0002")), discount=D("0.75"), pays_in_bnb=True
)

ticks = st.integers(9_900, 10_100)
prices = ticks.map(lambda cents: D(cents) / 100)
sizes = st.integers(20, 3_000).map(lambda lots: D(lots) / 1_000)
limit_orders = st.fixed_dictionaries(
    {
        "type": st.sampled_from([OrderType.LIMIT, OrderType.LIMIT, OrderType.LIMIT_MAKER]),
        "price": prices,
        "quantity": sizes,
        "time_in_force": st.sampled_from([TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK]),
        "iceberg": st.sampled_from([None, None, D("0.1")]),
    }
)
market_orders = st.fixed_dictionaries({"type": st.just(OrderType.MARKET), "quantity": sizes})
quote_orders = st.fixed_dictionaries(
    {"type": st.just(OrderType.MARKET), "quote_quantity": sizes.map(lambda n: n * 100)}
)
stop_orders = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT"]).map(OrderType),
        "price": prices,
        "quantity": sizes,
        "stop_price": st.none() | prices,
        "trailing_delta": st.sampled_from([None, 10, 50]),
        "time_in_force": st.just(TimeInForce.GTC),
    }
)
wishes = st.one_of(limit_orders, limit_orders, limit_orders, market_orders, quote_orders, stop_orders)
who = st.fixed_dictionaries(
    {
        "account": st.sampled_from(sorted(FUNDS)),
        "side": st.sampled_from(Side),
        "stp": st.sampled_from([*StpMode, StpMode.TRANSFER, StpMode.TRANSFER]),
        "symbol": st.sampled_from([SYMBOL, SYMBOL, SYMBOL, TWIN]),
        "is_routed": st.sampled_from([False, False, True]),
    }
)
placements = st.tuples(st.just("place"), who, wishes)
listings = st.tuples(
    st.just("pair_up"), who, st.sampled_from(ListKind), st.tuples(prices, sizes, st.integers(5, 90), st.integers(5, 90)),
    st.sampled_from([OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT]),
    st.sampled_from([OrderType.LIMIT_MAKER, OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT]),
)  # fmt: skip
cancels = st.tuples(st.just("cancel"), st.integers(0, 30))
amends = st.tuples(st.just("amend"), st.integers(0, 30), st.integers(1, 99))
bars = st.tuples(st.just("bar"), st.lists(prices, min_size=4, max_size=4))
trades = st.tuples(st.just("trade"), prices, st.none() | sizes)
depths = st.tuples(st.just("depth"), ticks, st.lists(sizes, min_size=0, max_size=3))
stories = st.lists(
    st.one_of(placements, placements, placements, placements, listings, cancels, amends, bars, trades, depths),
    min_size=10,
    max_size=40,
)
crowds = st.lists(st.one_of(placements, placements, placements, listings, cancels, amends), min_size=15, max_size=50)


class World:
    """An exchange, and everything it told."""

    def __init__(self) -> None:
        self.told: list[Happening] = []
        self.exchange = Exchange(
            {SYMBOL: RULES, TWIN: TWIN_RULES, "BNBUSDT": BNB_RULES}, clients_meet=True, spread_ticks=80,
            observe=self.told.append, sors=[(SYMBOL, TWIN)],
        )  # fmt: skip
        for account, funds in FUNDS.items():
            fees = BURNS if account != "cat" else None
            self.exchange.open_account(account, funds, commission=fees, trade_group=GROUPS[account])
        for symbol in (SYMBOL, TWIN):
            self.exchange.on_price(symbol, D(100), 0)
        self.exchange.on_price("BNBUSDT", D(600), 0)
        self.count = 0

    def happen(self, what: tuple[Any, ...]) -> None:
        """Let one thing happen; what is refused has simply not happened."""
        self.count += 1
        now_ms = self.count * 60_000
        before = {account: self.exchange.balances(account) for account in FUNDS}
        told = len(self.told)
        try:
            getattr(self, what[0])(now_ms, *what[1:])
        except Refused:
            assert {account: self.exchange.balances(account) for account in FUNDS} == before
            assert len(self.told) == told

    def place(self, now_ms: int, who: dict[str, Any], wish: dict[str, Any]) -> None:
        wish = dict(wish)
        kind = wish["type"]
        iceberg = wish.pop("iceberg", None)
        if kind is OrderType.LIMIT_MAKER:
            wish["time_in_force"] = None
        if iceberg and iceberg < wish["quantity"] and wish.get("time_in_force") in {None, TimeInForce.GTC}:
            wish["iceberg_quantity"] = iceberg
        if kind in {OrderType.STOP_LOSS, OrderType.TAKE_PROFIT}:
            wish |= {"price": None, "time_in_force": None}
        routes = who["is_routed"] and kind in {OrderType.LIMIT, OrderType.MARKET} and "quantity" in wish
        order = NewOrder(
            symbol=who["symbol"], client_order_id=f"c{self.count}", side=who["side"], stp=who["stp"], uses_sor=routes,
            **wish,
        )  # fmt: skip
        self.exchange.submit(who["account"], order, now_ms)

    def pair_up(
        self, now_ms: int, who: dict[str, Any], kind: ListKind, numbers: Any, stop: OrderType, limit: OrderType
    ) -> None:
        price, size, up, down = numbers
        last = self.exchange.last_price(SYMBOL)
        side = who["side"] if kind is ListKind.OCO else Side.SELL
        quantity = None if kind.sells_what_it_bought else size
        top, bottom = last + D(up) / 100, last - D(down) / 100
        above, below = (stop, limit) if side is Side.BUY else (limit, stop)
        pair = [
            self.leg(f"l{self.count}{name}", form, side, quantity, level)
            for name, form, level in (("a", above, top), ("b", below, bottom))
        ]
        if kind in {ListKind.OTO, ListKind.OPO}:
            pair = pair[1:]
        working = None
        if kind is not ListKind.OCO:
            working = NewOrder(
                symbol=SYMBOL, client_order_id=f"l{self.count}w", side=Side.BUY, type=OrderType.LIMIT, price=price,
                quantity=size, time_in_force=TimeInForce.GTC,
            )  # fmt: skip
        new = NewList(kind=kind, client_id=f"l{self.count}", pair=tuple(pair), working=working)
        self.exchange.place_list(who["account"], new, now_ms)

    def leg(self, name: str, form: OrderType, side: Side, quantity: Decimal | None, level: Decimal) -> NewOrder:
        is_limit = form in {OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT}
        has_price = is_limit or form is OrderType.LIMIT_MAKER
        return NewOrder(
            symbol=SYMBOL, client_order_id=name, side=side, type=form, quantity=quantity,
            price=level if has_price else None, stop_price=None if form is OrderType.LIMIT_MAKER else level,
            time_in_force=TimeInForce.GTC if is_limit else None,
        )  # fmt: skip

    def cancel(self, now_ms: int, number: int) -> None:
        if orders := self.standing():
            order = orders[number % len(orders)]
            self.exchange.cancel(order.account, order.symbol, order_id=order.order_id, now_ms=now_ms)

    def amend(self, now_ms: int, number: int, percent: int) -> None:
        if orders := self.standing():
            order = orders[number % len(orders)]
            quantity = (order.quantity * percent / 100).quantize(D("0.001"))
            self.exchange.amend(order.account, order.symbol, quantity, order_id=order.order_id, now_ms=now_ms)

    def bar(self, now_ms: int, what: list[Decimal]) -> None:
        numbers = [float(price) for price in (what[0], max(what), min(what), what[-1])]
        self.exchange.on_candle(Candle(SYMBOL, "1m", now_ms, *numbers, 1.0, now_ms + 59_999))

    def trade(self, now_ms: int, price: Decimal, quantity: Decimal | None) -> None:
        self.exchange.on_price(SYMBOL, price, now_ms, quantity)

    def depth(self, now_ms: int, middle: int, amounts: list[Decimal]) -> None:
        if not amounts:
            self.exchange.forget_depth(SYMBOL)
            return
        bids = [(D(middle - 5 * step) / 100, amount) for step, amount in enumerate(amounts, 1)]
        asks = [(D(middle + 5 * step) / 100, amount) for step, amount in enumerate(amounts, 1)]
        self.exchange.on_depth(SYMBOL, bids, asks, now_ms)

    def standing(self) -> list[RestingOrder]:
        return [order for account in FUNDS for order in self.exchange.open_orders(account)]


def tell_story(story: list[tuple[Any, ...]], *, has_outside: bool = True) -> World:
    world = World()
    if not has_outside:
        for symbol in (SYMBOL, TWIN):
            world.exchange.on_depth(symbol, [], [], 1)
    for what in story:
        world.happen(what)
        check_money(world)
        check_book(world)
    check_orders(world)
    check_lists(world)
    return world


def fills_of(world: World, account: str) -> list[Fill]:
    """Give everything that was filled: by trades, and by what was routed."""
    return [
        fill
        for symbol in QUOTES
        for fill in (*world.exchange.fills(account, symbol), *world.exchange.allocations(account, symbol))
    ]


def check_money(world: World) -> None:
    """Each balance is what the account had plus what its fills moved; the locks are those of its open orders."""
    for account, funds in FUNDS.items():
        totals = defaultdict(Decimal, funds)
        for fill in fills_of(world, account):
            sign = 1 if fill.side is Side.BUY else -1
            totals["ABC"] += sign * fill.quantity
            totals[QUOTES[fill.symbol]] -= sign * fill.price * fill.quantity
            totals[fill.fee_asset] -= fill.fee
        for one in (one for symbol in QUOTES for one in world.exchange.prevented(account, symbol) if one.is_transfer):
            order_id = one.taker_order_id if one.taker == account else one.maker_order_id
            sign = 1 if world.exchange.order(account, one.symbol, order_id=order_id).side is Side.BUY else -1
            totals["ABC"] += sign * one.quantity
            totals[QUOTES[one.symbol]] -= sign * one.price * one.quantity
        locks: defaultdict[str, Decimal] = defaultdict(Decimal)
        for order in world.exchange.open_orders(account):
            locks[QUOTES[order.symbol] if order.side is Side.BUY else "ABC"] += order.locked
            if order.list_id == -1 and order.price is not None:
                assert order.locked == order.needs
        for asset, balance in world.exchange.balances(account).items():
            assert balance.total == totals[asset]
            assert balance.locked == locks[asset]
            assert balance.free >= 0


def check_book(world: World) -> None:
    """Nobody bids above what somebody asks, and what the book shows is what open orders show."""
    for symbol in QUOTES:
        bids, asks = (world.exchange.client_book(symbol, side, 100) for side in Side)
        if bids and asks:
            assert bids[0][0] < asks[0][0]
        shown = sum(quantity for _, quantity in bids + asks)
        assert shown == sum(
            order.shown for order in world.standing() if (order.shelf, order.symbol) == ("book", symbol)
        )


def orders_of(world: World, account: str) -> list[RestingOrder]:
    return [order for symbol in QUOTES for order in world.exchange.orders(account, symbol)]


def check_orders(world: World) -> None:
    for account in FUNDS:
        for order in orders_of(world, account):
            assert order.filled == sum(fill.quantity for fill in order.fills)
            assert order.filled + order.prevented <= order.quantity
            assert (order.remaining == 0) == (order.status in {OrderStatus.FILLED, OrderStatus.EXPIRED_IN_MATCH})
            assert order.is_open or order.locked == 0
            assert order.is_open == (order in world.exchange.open_orders(account))
            if order.price is not None:
                is_buy = order.side is Side.BUY
                assert all(one.price <= order.price if is_buy else one.price >= order.price for one in order.fills)


def check_lists(world: World) -> None:
    for account in FUNDS:
        for one in world.exchange.order_lists(account):
            assert one.is_open == any(leg.is_open for leg in one.legs)
            for pair in (one.first, one.second):
                assert sum(bool(leg.fills) for leg in pair) <= 1
                if len(pair) == 2 and any(leg.fills for leg in pair):
                    assert sum(leg.is_open for leg in pair) <= 1
            if one.second and not one.first[0].is_open and one.first[0].status is not OrderStatus.FILLED:
                assert not any(leg.is_open or leg.fills for leg in one.second)
            if one.second and one.first[0].is_open:
                assert all(leg.status is OrderStatus.PENDING_NEW for leg in one.second)


@settings(max_examples=250, deadline=None)
@given(story=stories)
def test_any_story_of_several_accounts_keeps_money_books_and_lists_right(story: list[tuple[Any, ...]]) -> None:
    tell_story(story)


@settings(max_examples=100, deadline=None)
@given(story=crowds)
def test_a_crowd_that_trades_among_itself_only_passes_on_what_it_had(story: list[tuple[Any, ...]]) -> None:
    world = tell_story(story, has_outside=False)
    fees: defaultdict[str, Decimal] = defaultdict(Decimal)
    for account in FUNDS:
        for fill in fills_of(world, account):
            fees[fill.fee_asset] += fill.fee
    # The router takes one quote for another at one to one, so that only both together stay.
    for assets in (("ABC",), ("BNB",), ("USDT", "USDC")):
        had = sum(funds.get(asset, D(0)) for funds in FUNDS.values() for asset in assets)
        has = sum(
            world.exchange.balances(account)[asset].total
            for account in FUNDS
            for asset in assets
            if asset in FUNDS[account]
        )
        assert has + sum(fees[asset] for asset in assets) == had


@settings(max_examples=120, deadline=None)
@given(story=stories)
def test_the_truth_that_is_told_adds_up_to_what_the_exchange_holds(story: list[tuple[Any, ...]]) -> None:
    world = tell_story(story)
    free: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    locked: defaultdict[tuple[str, str], Decimal] = defaultdict(Decimal)
    status: dict[int, OrderStatus] = {}
    for one in world.told:
        match one:
            case BalanceMoved():
                free[one.account, one.asset] += one.free
                locked[one.account, one.asset] += one.locked
            case OrderAccepted():
                status[one.order_id] = one.status
            case OrderMoved():
                moved = one.status
                assert moved is status[one.order_id] or moved in MOVES[status[one.order_id]]
                status[one.order_id] = moved
            case Traded():
                sides = [fill for fill in (one.taker_fill, one.maker_fill) if fill is not None]
                assert sides or one.taker == ROUTER
                assert not sides or {(fill.price, fill.quantity, fill.trade_id) for fill in sides} == {
                    (one.price, one.quantity, one.trade_id)
                }
                assert len({fill.side for fill in sides}) == len(sides)
    for account in FUNDS:
        for asset, balance in world.exchange.balances(account).items():
            assert (free[account, asset], locked[account, asset]) == (balance.free, balance.locked)
        for order in orders_of(world, account):
            assert status[order.order_id] is order.status


@settings(max_examples=60, deadline=None)
@given(story=stories)
def test_the_same_story_is_told_the_same_way(story: list[tuple[Any, ...]]) -> None:
    assert tell_story(story).told == tell_story(story).told


@settings(max_examples=150, deadline=None)
@given(
    makers=st.lists(st.tuples(st.sampled_from(["ann", "bob"]), st.integers(10_001, 10_010), sizes), max_size=8),
    size=sizes,
    limit=st.integers(10_001, 10_012),
)
def test_the_best_price_and_then_the_oldest_order_is_served_first(
    makers: list[tuple[str, int, Decimal]], size: Decimal, limit: int
) -> None:
    """Against a plain reference: sort by price and age, and fill along the line."""
    world = World()
    world.exchange.on_depth(SYMBOL, [], [], 1)
    placed: list[RestingOrder] = []
    for number, (account, cents, quantity) in enumerate(makers):
        try:
            placed.append(
                world.exchange.place(
                    account, client_order_id=f"m{number}", symbol=SYMBOL, side=Side.SELL, type=OrderType.LIMIT,
                    time_in_force=TimeInForce.GTC, quantity=quantity, price=D(cents) / 100, now_ms=number,
                )
            )  # fmt: skip
        except Refused:
            continue
    left, expected = min(size, D(9)), []
    for maker in sorted(placed, key=lambda order: (order.price, order.order_id)):
        part = min(left, maker.quantity) if maker.price <= D(limit) / 100 else D(0)
        if part:
            expected.append((maker.price, part))
            left -= part
    taker = world.exchange.place(
        "cat", client_order_id="t", symbol=SYMBOL, side=Side.BUY, type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC, quantity=min(size, D(9)), price=D(limit) / 100, now_ms=99,
    )  # fmt: skip
    assert [(fill.price, fill.quantity) for fill in taker.fills] == expected
    assert taker.remaining == left
