"""The futures desk fills as the simulated exchange does, and tells what that exchange does by itself."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.simulation_futures.desk import LADDER, contract

from bot.domain.errors import Misconfigured
from bot.domain.market import Candle, Market
from bot.domain.messages import CancelOrder, Event, IncomeKind, IncomeSeen, OrderUpdate
from bot.domain.money import Price, Quantity
from bot.domain.order import FORCED_PREFIXES, Fill, Order, OrderStatus, OrderType, Side, TimeInForce
from bot.simulation.futures.contracts import Listing
from bot.simulation.futures.schedule import Schedule, flat
from bot.simulation.futures_desk import Contracts, FuturesDesk
from bot.simulation.liquidity import Terms

D = Decimal
BUY, SELL = Side.BUY, Side.SELL
SYMBOL, MINUTE = "AAAUSDT", 60_000
FREE = Terms(D(0), D(0))
NEXT = Terms(D(0), D(0), "next")


@dataclass
class Scene:
    """A desk, what it told, and the time."""

    terms: Terms = FREE
    leverage: int = 1
    funds: str = "1000"
    funding: Sequence[tuple[int, Decimal]] = ()
    marks: Sequence[Candle] | None = None
    kind: type[FuturesDesk] = FuturesDesk
    told: list[Event] = field(default_factory=list)
    now_ms: int = 0
    names: int = 0

    def __post_init__(self) -> None:
        contracts = Contracts(
            {SYMBOL: Listing(contract(SYMBOL), LADDER)}, {SYMBOL: self.leverage}, {SYMBOL: Schedule(self.funding)},
            {} if self.marks is None else {SYMBOL: iter(self.marks)},
        )  # fmt: skip
        self.desk = self.kind(contracts, {"USDT": D(self.funds)}, {1: self.terms}, self.told.append)

    def candle(self, opened: float, high: float, low: float, close: float) -> None:
        self.desk.see(candle_at(self.now_ms, opened, high, low, close))
        self.now_ms += MINUTE

    def flat(self, price: float = 100.0) -> None:
        self.candle(price, price, price, price)

    def place(self, side: Side, quantity: str, price: str | None = None) -> str:
        self.names += 1
        name = f"order-{self.names}"
        self.desk.place(
            Order(
                client_order_id=name, strategy_id=1, symbol=SYMBOL, side=side,
                type=OrderType.MARKET if price is None else OrderType.LIMIT, quantity=Quantity(D(quantity)),
                created_ms=self.now_ms - 1, price=None if price is None else Price(D(price)),
                time_in_force=None if price is None else TimeInForce.GTC, market=Market.FUTURES,
            )
        )  # fmt: skip
        return name

    @property
    def fills(self) -> list[tuple[Side, Decimal, Decimal]]:
        return [(each.side, each.quantity, each.price) for each in self.told if isinstance(each, Fill)]

    @property
    def income(self) -> list[tuple[IncomeKind, Decimal]]:
        return [(each.kind, each.amount) for each in self.told if isinstance(each, IncomeSeen)]

    def ends(self, name: str) -> list[OrderStatus]:
        return [each.status for each in self.told if isinstance(each, OrderUpdate) and each.client_order_id == name]


def candle_at(open_ms: int, opened: float, high: float, low: float, close: float) -> Candle:
    return Candle(
        SYMBOL, "1m", open_ms, opened, high, low, close, 1.0, open_ms + MINUTE - 1, is_closed=True,
        market=Market.FUTURES,
    )  # fmt: skip


# What orders get.


def test_a_market_order_gets_the_last_price_with_its_slippage_and_pays_its_own_fee() -> None:
    scene = Scene(Terms(D("0.001"), D("0.002"), "last", D(100)))
    scene.flat()
    scene.place(BUY, "2")
    (fill,) = (each for each in scene.told if isinstance(each, Fill))
    assert (fill.price, fill.fee, fill.fee_asset, fill.realised) == (D(101), D("0.404"), "USDT", D(0))
    assert (fill.market, fill.time_ms, fill.is_maker) == (Market.FUTURES, MINUTE - 1, False)


def test_a_market_order_may_get_the_middle_of_the_candle_or_the_next_open() -> None:
    middle = Scene(Terms(D(0), D(0), "midpoint"))
    middle.candle(100, 104, 98, 99)
    middle.place(BUY, "1")
    assert middle.fills == [(BUY, D(1), D(101))]
    later = Scene(Terms(D(0), D(0), "next", D(100)))
    later.flat(100)
    name = later.place(SELL, "1")
    assert (later.fills, later.ends(name)) == ([], [OrderStatus.NEW])
    later.candle(110, 120, 90, 100)
    assert later.fills == [(SELL, D(1), D("108.9"))]


def test_a_limit_order_takes_at_once_or_rests_until_the_price_comes() -> None:
    scene = Scene(Terms(D("0.001"), D("0.002")))
    scene.flat(100)
    scene.place(BUY, "1", "101")
    resting = scene.place(BUY, "1", "98")
    scene.candle(99, 99, 97, 98)
    assert scene.fills == [(BUY, D(1), D(100)), (BUY, D(1), D(98))]
    assert [each.fee for each in scene.told if isinstance(each, Fill)] == [D("0.2"), D("0.098")]
    assert scene.ends(resting) == [OrderStatus.NEW]


def test_what_the_margin_does_not_cover_is_refused_as_by_binance() -> None:
    scene = Scene()
    scene.flat()
    name = scene.place(BUY, "10.1")
    (refusal,) = (each for each in scene.told if isinstance(each, OrderUpdate))
    assert (refusal.client_order_id, refusal.status, refusal.code) == (name, OrderStatus.REJECTED, -2019)
    geared = Scene(leverage=10)
    geared.flat()
    geared.place(BUY, "99")
    assert geared.fills == [(BUY, D(99), D(100))]


def test_an_order_for_the_next_open_expires_when_its_margin_does_not_suffice_there() -> None:
    scene = Scene(NEXT)
    scene.flat()
    name = scene.place(BUY, "10")
    scene.flat(101)
    assert (scene.fills, scene.ends(name)) == ([], [OrderStatus.NEW, OrderStatus.EXPIRED])


def test_cancelled_orders_fill_no_more_waiting_ones_among_them() -> None:
    scene = Scene(NEXT)
    scene.flat()
    names = [scene.place(BUY, "1"), scene.place(BUY, "1", "95")]
    for name in names:
        scene.desk.cancel(CancelOrder(name, SYMBOL, Market.FUTURES))
    scene.candle(100, 100, 90, 95)
    assert scene.fills == []
    assert [scene.ends(name) for name in names] == [[OrderStatus.NEW, OrderStatus.CANCELED]] * 2
    scene.place(BUY, "1", "90")
    assert scene.desk.cancel_all() == (1, 0)


def test_a_leverage_that_the_contract_has_not_is_refused() -> None:
    with pytest.raises(Misconfigured, match="from 1 to 50, not 51"):
        Scene(leverage=51)


# The path inside a candle goes against who holds.


def test_a_long_meets_the_low_first_and_a_short_the_high() -> None:
    """Each would gain at its target; that it lies in the candle of its ruin does not save it."""
    for side, low, high, target in ((BUY, 90, 120, "110"), (SELL, 80, 110, "90")):
        scene = Scene(leverage=20)
        scene.flat()
        scene.place(side, "190")
        scene.place(side.opposite, "190", target)
        scene.candle(100, high, low, 100)
        forced = [
            each for each in scene.told if isinstance(each, Fill) and each.client_order_id.startswith(FORCED_PREFIXES)
        ]
        assert sum(each.quantity for each in forced) == D(190)
        assert D(target) not in [price for _, _, price in scene.fills]


# Funding.


@pytest.mark.parametrize(("side", "paid"), [(BUY, D("-0.2")), (SELL, D("0.2"))])
def test_funding_is_paid_by_longs_to_shorts_at_its_time(side: Side, paid: Decimal) -> None:
    scene = Scene(funding=[(2 * MINUTE, D("0.001"))])
    scene.flat()
    scene.place(side, "2")
    scene.flat()
    assert scene.income == []
    scene.flat()
    assert scene.income == [(IncomeKind.FUNDING, paid)]
    (seen,) = (each for each in scene.told if isinstance(each, IncomeSeen))
    assert (seen.symbol, seen.asset, seen.time_ms) == (SYMBOL, "USDT", 2 * MINUTE)


def test_who_holds_nothing_at_the_time_of_funding_pays_none() -> None:
    scene = Scene(NEXT, funding=[(MINUTE, D("0.001")), (3 * MINUTE, D("0.001"))])
    scene.flat()
    scene.place(BUY, "1")  # (it trades at the open of the minute of the first: that is settled before)
    scene.flat()
    scene.place(SELL, "1")
    scene.flat()
    scene.flat()
    assert [side for side, _, _ in scene.fills] == [BUY, SELL]
    assert scene.income == []


def test_a_flat_rate_falls_due_every_eight_hours() -> None:
    schedule = Schedule(flat(D("0.0001"), 1))
    assert schedule.next_ms == 8 * 3_600_000
    assert schedule.due(24 * 3_600_000) == [(hours * 3_600_000, D("0.0001")) for hours in (8, 16, 24)]
    assert schedule.due(25 * 3_600_000) == []


# Mark price and liquidation.


def test_a_liquidation_is_told_as_its_fee_and_then_its_trade() -> None:
    scene = Scene(leverage=20)
    scene.flat()
    scene.place(BUY, "90")
    scene.candle(100, 100, 85, 85)
    fee, forced = scene.told[-2:]
    assert isinstance(fee, IncomeSeen)
    assert isinstance(forced, Fill)
    assert (fee.kind, fee.symbol) == (IncomeKind.LIQUIDATION, SYMBOL)
    assert forced.client_order_id.startswith("autoclose-")
    assert (forced.side, forced.quantity) == (SELL, D(90))
    assert scene.desk.totals["USDT"] >= 0


def test_the_mark_price_decides_over_liquidation_where_it_is_known() -> None:
    calm = [candle_at(MINUTE * n, 100, 100, 99, 100) for n in range(3)]
    wild = [calm[0], candle_at(MINUTE, 100, 100, 85, 100), calm[2]]
    for marks, forced in ((calm, 0), (wild, 1)):
        scene = Scene(leverage=20, marks=marks)
        scene.flat()
        scene.place(BUY, "90")
        scene.candle(100, 100, 85 if marks is calm else 99, 100)
        scene.flat()
        assert len([each for each in scene.income if each[0] is IncomeKind.LIQUIDATION]) == forced


# Keeping quiet changes nothing.


class Thorough(FuturesDesk):
    """A desk that plays every candle."""

    def _is_quiet(self, symbol: str, candle: Candle, mark: Candle) -> bool:
        return False


STEPS = st.lists(
    st.tuples(
        st.floats(-0.06, 0.06), st.floats(0, 0.05), st.floats(0, 0.05),
        st.sampled_from(["", "", "", "buy", "sell", "bid", "offer"]), st.integers(1, 60),
    ),
    min_size=5, max_size=40,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(STEPS, st.sampled_from(["last", "next", "midpoint"]), st.sampled_from([1, 5, 20]), st.booleans())
def test_candles_that_touch_nothing_need_not_be_played(
    steps: list[tuple[float, float, float, str, int]], fill: str, leverage: int, with_marks: bool
) -> None:
    rates = [(n * 7 * MINUTE, D("0.001") * (n % 3 - 1)) for n in range(1, 8)]
    terms = Terms(D("0.0002"), D("0.0005"), fill, D(3))  # type: ignore[arg-type]
    marks = with_marks and [
        candle_at(n * MINUTE, price, round(price * 1.01, 2), round(price * 0.99, 2), price)
        for n, price in enumerate((100 * np.cumprod([1 + each[0] for each in steps]).clip(0.2, 5)).round(2).tolist())
    ]
    scenes = [Scene(terms, leverage, funding=rates, marks=marks or None, kind=kind) for kind in (FuturesDesk, Thorough)]
    for scene in scenes:
        price = 100.0
        for move, up, down, wish, size in steps:
            close = round(min(max(price * (1 + move), 20.0), 500.0), 1)
            high, low = round(max(price, close) * (1 + up), 1), round(min(price, close) * (1 - down), 1)
            scene.candle(price, high, low, close)
            price = close
            if wish:
                side = BUY if wish in {"buy", "bid"} else SELL
                limit = {"bid": close * 0.98, "offer": close * 1.02}.get(wish)
                scene.place(side, f"{size / 2:.1f}", None if limit is None else f"{limit:.1f}")
    quick, whole = scenes
    assert quick.told == whole.told
    assert quick.desk.totals == whole.desk.totals
    fills = [each for each in quick.told if isinstance(each, Fill)]
    gained = sum(((each.realised or D(0)) - each.fee for each in fills), D(0))
    assert quick.desk.totals["USDT"] == D(1000) + gained + sum((amount for _, amount in quick.income), D(0))
