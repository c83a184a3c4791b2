"""Whatever customers and the market do, the futures exchange neither makes nor loses money, and keeps its promises."""

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.instrument import Instrument, LotRule, NotionalRule, PriceRule
from bot.domain.market import Candle, Market
from bot.domain.money import EXACT
from bot.domain.order import OrderType, Side
from bot.simulation.futures.brackets import ladder
from bot.simulation.futures.contracts import Contract
from bot.simulation.futures.exchange import FuturesExchange
from bot.simulation.futures.happenings import Happening, OrderMoved, Traded
from bot.simulation.futures.requests import Change, NewAlgo, NewOrder
from bot.simulation.futures.state import Rates
from bot.simulation.futures.words import (
    AlgoType,
    MarginType,
    PositionSide,
    PriceMatch,
    SelfTrade,
    TimeInForce,
    WorkingType,
)
from bot.simulation.orders import Refused

D = Decimal
ACCOUNTS = ("ann", "bob", "hal", "mia")
SYMBOLS = ("AAAUSDT", "BBBUSDT", "CCCUSDC")
OPENED = {"USDT": D(400), "USDC": D(100), "BNB": D(1)}
LADDER = ladder([(50, D(2_000), D("0.01")), (20, D(10_000), D("0.025")), (5, D(100_000), D("0.1"))])
INSURED = {"USDT": D(5), "USDC": D(2)}
"""So little that most losses beyond a margin are taken off others' positions."""
NEVER_MS = 10**12

prices = st.one_of(st.integers(970, 1030), st.integers(970, 1030), st.integers(800, 1200)).map(
    lambda tenths: D(tenths) / 10
)
quantities = st.integers(1, 400).map(lambda tenths: D(tenths) / 10)
sides = st.sampled_from(Side)
hedge_sides = st.sampled_from([PositionSide.LONG, PositionSide.SHORT])
rarely = st.sampled_from([False, False, False, True])
accounts = st.sampled_from(ACCOUNTS)
symbols = st.sampled_from(SYMBOLS)
rates = st.integers(-30, 30).map(lambda points: D(points) / 10_000)
maybe = st.booleans()

Step = Callable[["Scene"], object]


class Scene:
    """An exchange with a one-way, an isolated and a hedge account, and what the observer was told."""

    def __init__(self) -> None:
        self.seen: list[Happening] = []
        self.exchange = FuturesExchange(
            {symbol: _contract(symbol) for symbol in SYMBOLS}, dict.fromkeys(SYMBOLS, LADDER), observe=self.seen.append,
            insurance=INSURED,
        )  # fmt: skip
        self.now_ms = 1_000
        self.names = 0
        for name in ACCOUNTS:
            self.exchange.open_account(name, OPENED, rates=Rates(), fee_burn=name == "bob")
        self.exchange.set_margin_type("bob", "AAAUSDT", MarginType.ISOLATED)
        self.exchange.set_hedge("hal", hedge=True)
        self.exchange.set_multi_assets("mia", multi_assets=True)
        self.exchange.on_asset_price("BNB", D(300))

    def tick(self) -> int:
        self.now_ms += 1
        return self.now_ms

    def name(self) -> str:
        self.names += 1
        return f"n{self.names}"


def _contract(symbol: str) -> Contract:
    rules = Instrument(
        symbol=symbol,
        base=symbol[:3],
        quote=symbol[3:],
        market=Market.FUTURES,
        price=PriceRule(D("0.1"), D(10_000), D("0.1")),
        lot=LotRule(D("0.1"), D(1_000), D("0.1")),
        notional=NotionalRule(smallest=D(5)),
        base_precision=1,
        quote_precision=1,
    )
    return Contract(rules, symbol[3:], up=D(2), down=D("0.5"))


@st.composite
def orders(draw: st.DrawFn) -> Step:
    account, symbol, is_limit = draw(accounts), draw(symbols), draw(maybe)
    words = {
        "symbol": symbol,
        "side": draw(sides),
        "quantity": draw(quantities),
        "reduce_only": account != "hal" and draw(rarely),
        "position_side": draw(hedge_sides) if account == "hal" else PositionSide.BOTH,
        "self_trade": draw(st.sampled_from(SelfTrade)),
        "type": OrderType.LIMIT if is_limit else OrderType.MARKET,
    }
    if is_limit:
        words["time_in_force"] = force = draw(
            st.sampled_from([TimeInForce.GTC, TimeInForce.GTC, TimeInForce.GTC, *TimeInForce])
        )
        words["good_till_ms"] = NEVER_MS if force is TimeInForce.GTD else 0
        match = draw(st.sampled_from([PriceMatch.NONE, PriceMatch.NONE, PriceMatch.QUEUE]))
        words["price_match"] = match
        words["price"] = draw(prices) if match is PriceMatch.NONE else None
    return lambda scene: scene.exchange.place(
        account, NewOrder(client_order_id=scene.name(), **words), now_ms=scene.tick()
    )


@st.composite
def conditions(draw: st.DrawFn) -> Step:
    account, kind, closing = draw(accounts), draw(st.sampled_from(AlgoType)), draw(maybe)
    trailing = kind is AlgoType.TRAILING_STOP_MARKET
    closing = closing and not trailing and not kind.has_limit
    words = {
        "symbol": draw(symbols),
        "side": draw(sides),
        "type": kind,
        "quantity": None if closing else draw(quantities),
        "close_position": closing,
        "reduce_only": not closing and account != "hal" and draw(rarely),
        "position_side": draw(hedge_sides) if account == "hal" else PositionSide.BOTH,
        "trigger_price": None if trailing else (trigger := draw(prices)),
        "price": trigger if kind.has_limit else None,
        "callback_rate": D(1) if trailing else None,
        "working_type": draw(st.sampled_from(WorkingType)),
        "price_protect": draw(maybe),
    }
    return lambda scene: scene.exchange.place_algo(
        account, NewAlgo(client_algo_id=scene.name(), **words), now_ms=scene.tick()
    )


@st.composite
def moves(draw: st.DrawFn) -> Step:
    symbol, price, kind = draw(symbols), draw(prices), draw(st.integers(0, 5))
    if kind <= 1:
        bound = draw(st.none() | quantities)
        return lambda scene: scene.exchange.on_price(symbol, price, scene.tick(), bound)
    if kind == 2:
        return lambda scene: scene.exchange.on_mark(symbol, price, scene.tick())
    if kind == 3:
        rate = draw(rates)
        return lambda scene: scene.exchange.settle_funding(symbol, rate, scene.tick())
    if kind == 4:
        rows = (
            [(price - D(step), draw(quantities)) for step in (1, 2)],
            [(price + D(step), draw(quantities)) for step in (1, 2)],
        )
        return lambda scene: scene.exchange.on_book(symbol, *rows, scene.tick())
    low, high, opened, closed = (float(one) for one in (min(price, D(90)), max(price, D(110)), price, price))
    return lambda scene: scene.exchange.on_candle(
        Candle(symbol, "1m", scene.now_ms + 1, opened, high, low, closed, 1.0, _later(scene))
    )


def _later(scene: Scene) -> int:
    scene.now_ms += 60_000
    return scene.now_ms


@st.composite
def changes(draw: st.DrawFn) -> Step:
    account, symbol, kind, nth = draw(accounts), draw(symbols), draw(st.integers(0, 6)), draw(st.integers(0, 5))
    price, quantity, leverage = draw(prices), draw(quantities), draw(st.integers(1, 50))

    def act(scene: Scene) -> object:
        exchange, now_ms = scene.exchange, scene.tick()
        standing = exchange.open_orders(account, symbol)
        if kind == 0 and standing:
            order = standing[nth % len(standing)]
            return exchange.cancel(account, symbol, order_id=order.order_id, now_ms=now_ms)
        if kind <= 2 and standing:
            order = standing[nth % len(standing)]
            change = Change(symbol=symbol, side=order.side, order_id=order.order_id, price=price, quantity=quantity)
            return exchange.modify(account, change, now_ms=now_ms)
        if kind == 3:
            return exchange.set_leverage(account, symbol, leverage)
        if kind == 4:
            return exchange.change_margin("bob", "AAAUSDT", quantity, adding=nth % 2 == 0, now_ms=now_ms)
        if kind == 5:
            return exchange.transfer(account, "USDT", quantity if nth else -quantity, now_ms=now_ms)
        exchange.countdown_cancel_all(account, symbol, 1 + nth, now_ms=now_ms)
        return exchange.on_time(now_ms + 3)

    return act


flows = st.lists(
    st.one_of(orders(), orders(), orders(), conditions(), moves(), moves(), changes()), min_size=20, max_size=60
)


def play(flow: list[Step], after: Callable[[Scene], None] = lambda scene: None) -> Scene:
    """Let everything happen that the exchange does not refuse."""
    scene = Scene()
    for symbol in SYMBOLS:
        scene.exchange.on_price(symbol, D(100), scene.tick())
    for step in flow:
        try:
            step(scene)
        except Refused:
            continue
        after(scene)
    return scene


def total(values: list[Decimal]) -> Decimal:
    result = D(0)
    for value in values:
        result = EXACT.add(result, value)
    return result


def held(scene: Scene) -> list:
    owners = [scene.exchange.account(name) for name in ACCOUNTS]
    return [position for owner in owners for slot in owner.slots.values() for position in slot.positions.values()]


@settings(max_examples=60, deadline=None)
@given(flow=flows)
def test_money_is_neither_made_nor_lost(flow: list[Step]) -> None:
    scene = play(flow)
    house = scene.exchange.house
    for asset in OPENED:
        wallets = [scene.exchange.account(name).wallet(asset) for name in ACCOUNTS]
        isolated = [one.isolated_wallet for one in held(scene) if one.symbol.endswith(asset)]
        costs = [-one.cost for one in held(scene) if one.symbol.endswith(asset)]
        ledgers = (house.cash, house.fees, house.insurance, house.funding, house.dust)
        ours = [ledger.get(asset, D(0)) for ledger in ledgers]
        assert total([*wallets, *isolated, *costs, *ours]) == house.deposits[asset]


@settings(max_examples=40, deadline=None)
@given(flow=flows)
def test_positions_of_customers_and_market_cancel_out(flow: list[Step]) -> None:
    scene = play(flow)
    for symbol in SYMBOLS:
        customers = [one.quantity for one in held(scene) if one.symbol == symbol]
        assert total(customers) == -scene.exchange.house.positions.get(symbol, D(0))


@settings(max_examples=40, deadline=None)
@given(flow=flows)
def test_wallets_are_what_income_records_say(flow: list[Step]) -> None:
    scene = play(flow)
    for name in ACCOUNTS:
        for asset, opened in OPENED.items():
            earned = total([one.amount for one in scene.exchange.income(name) if one.asset == asset])
            assert scene.exchange.asset(name, asset).wallet == opened + earned


@settings(max_examples=40, deadline=None)
@given(flow=flows)
def test_sides_keep_their_signs_and_flat_positions_cost_nothing(flow: list[Step]) -> None:
    for one in held(play(flow)):
        assert one.side is not PositionSide.LONG or one.quantity >= 0
        assert one.side is not PositionSide.SHORT or one.quantity <= 0
        assert one.quantity * one.cost >= 0
        assert one.quantity or (not one.cost and not one.isolated_wallet)


@settings(max_examples=40, deadline=None)
@given(flow=flows)
def test_what_only_closes_never_opens(flow: list[Step]) -> None:
    scene = play(flow)
    sizes: dict[tuple[str, str, PositionSide], Decimal] = {}
    closers = {
        happening.order.order_id
        for happening in scene.seen
        if isinstance(happening, OrderMoved) and happening.order.only_closes
    }
    for happening in scene.seen:
        if isinstance(happening, Traded):
            for trade in (happening.taker, happening.maker):
                if trade is None:
                    continue
                key = (trade.account, trade.symbol, trade.position_side)
                before = sizes.get(key, D(0))
                sizes[key] = before + (trade.quantity if trade.side is Side.BUY else -trade.quantity)
                if trade.order_id in closers:
                    assert abs(sizes[key]) < abs(before)
                    assert sizes[key] * before >= 0


@settings(max_examples=40, deadline=None)
@given(flow=flows)
def test_nobody_is_left_with_less_than_the_margin_they_need(flow: list[Step]) -> None:
    def check(scene: Scene) -> None:
        for name in ACCOUNTS:
            positions = [one for one in scene.exchange.positions(name) if one.quantity]
            for asset in ("USDT", "USDC"):
                shared = scene.exchange.pool(name, asset)
                if any(not one.is_isolated and (name == "mia" or one.margin_asset == asset) for one in positions):
                    assert shared.balance > shared.maintenance
                else:
                    assert shared.wallet >= 0
            for one in positions:
                assert not one.is_isolated or one.isolated_margin > one.maintenance

    def settle(scene: Scene) -> None:
        # Some steps (a change of leverage, say) move no price; the next one does, and only then is it looked after.
        for symbol in SYMBOLS:
            last = scene.exchange.mark_price(symbol)
            assert last is not None
            scene.exchange.settle_funding(symbol, D(0), scene.now_ms)
        check(scene)

    play(flow, settle)


@settings(max_examples=40, deadline=None)
@given(flow=flows)
def test_open_orders_stand_in_the_book_and_bind_what_they_are_worth(flow: list[Step]) -> None:
    scene = play(flow)
    for symbol in SYMBOLS:
        book = scene.exchange.market(symbol).book
        standing = {order.order_id for side in Side for order in book.resting(side)}
        known = {order.order_id for name in ACCOUNTS for order in scene.exchange.open_orders(name, symbol)}
        assert standing == known
        for name in ACCOUNTS:
            for key, bound in scene.exchange.slot(name, symbol).standing.items():
                own = [one for one in scene.exchange.open_orders(name, symbol) if (one.position_side, one.side) == key]
                assert bound == total([one.open_notional for one in own])


@settings(max_examples=40, deadline=None)
@given(flow=flows)
def test_no_trade_is_worse_than_its_limit_and_no_order_overfilled(flow: list[Step]) -> None:
    scene = play(flow)
    for name in ACCOUNTS:
        by_id = {order.order_id: order for order in scene.exchange.orders(name)}
        filled = dict.fromkeys(by_id, D(0))
        for symbol in SYMBOLS:
            for trade in scene.exchange.trades(name, symbol):
                filled[trade.order_id] += trade.quantity
        limits = {happening.order.order_id: happening for happening in scene.seen if isinstance(happening, OrderMoved)}
        for number, order in by_id.items():
            assert filled[number] == order.filled <= order.quantity
        for happening in scene.seen:
            if isinstance(happening, OrderMoved) and happening.trade is not None and happening.order.price is not None:
                better = happening.trade.price <= happening.order.price
                worse = happening.trade.price >= happening.order.price
                assert better if happening.order.side is Side.BUY else worse
        assert set(limits) >= {number for number, done in filled.items() if done}


@pytest.mark.parametrize("leverage", [5, 20, 50])
@given(drop=st.integers(1, 600))
@settings(max_examples=15, deadline=None)
def test_a_lost_position_costs_at_most_the_margin_behind_it(leverage: int, drop: int) -> None:
    scene = play([])
    exchange = scene.exchange
    exchange.set_leverage("bob", "AAAUSDT", leverage)
    buy = NewOrder(symbol="AAAUSDT", side=Side.BUY, type=OrderType.MARKET, client_order_id="b", quantity=D(4))
    exchange.place("bob", buy, now_ms=scene.tick())
    margin = exchange.position("bob", "AAAUSDT").isolated_wallet
    wallet = exchange.asset("bob", "USDT").wallet
    exchange.on_price("AAAUSDT", D(100) - D(drop) / 10, scene.tick())
    left = exchange.asset("bob", "USDT").balance
    assert left >= wallet - margin
