"""The whole life of an order from the stream of facts: kept by the real journal, read back in words."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from sqlalchemy.orm import Session
from tests.fakes.journal import next_turn
from tests.unit.api.world import NOW_MS, PAPER, World, world_of

from bot.db.base import Mode, create_sync
from bot.domain.ledger import move
from bot.domain.messages import (
    AccountMoved,
    Attempt,
    CancelOrder,
    Decision,
    FillBooked,
    OrderChanged,
    Outcome,
    PlaceOrder,
    ProtectionMoved,
    StrategyStopped,
    Tick,
    TradeClosed,
    Verdict,
)
from bot.domain.money import Price, Quantity
from bot.domain.order import Fill, Order, OrderStatus, OrderType, Purpose, Side, TimeInForce
from bot.domain.state import AccountState
from bot.reporting import life, queries

D = Decimal
BUY, SELL = "b-1-1-buy", "b-1-1-sell"


def order(name: str, side: Side, at_ms: int, strategy_id: int, purpose: Purpose = Purpose.ENTRY) -> PlaceOrder:
    wanted = Order(
        name, strategy_id, "BTCUSDT", side, OrderType.LIMIT, Quantity(D("0.50")), at_ms, Price(D(100)),
        TimeInForce.GTC, purpose=purpose, reason="below mean",
    )  # fmt: skip
    return PlaceOrder(wanted, D(50))


def filled(name: str, side: Side, trade_id: int, at_ms: int, strategy_id: int) -> FillBooked:
    fill = Fill(name, "BTCUSDT", trade_id, side, Price(D(100)), Quantity(D("0.5")), D("0.0002"), "BNB", at_ms, 77)
    source = f"fill:spot:BTCUSDT:{trade_id}"
    postings = move("BTC", D("0.5"), "market", f"strategy:{strategy_id}", at_ms, source)
    return FillBooked(strategy_id, fill, D("0.1"), postings)


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    with world_of(database_url) as opened:
        opened.ids["account"] = opened.account("home")
        opened.ids["one"] = opened.strategy(opened.ids["account"], "one", PAPER)
        yield opened


@pytest.fixture
async def session(database_url: str, world: World) -> Session:
    """A bought and sold position, an order that nobody knew of for a while, a stop, and a denied wish."""
    one, step = world.ids["one"], 1_000
    journal = await next_turn(database_url, world.ids["account"], Mode.PAPER)
    story: list[list[Outcome]] = [
        [AccountMoved(AccountState.READY, "the look at the exchange was clean", NOW_MS - 9 * step)],
        [
            Decision(one, NOW_MS, "BTCUSDT", Side.BUY, Verdict.APPROVED, "below mean", "", BUY, {"mean": 101.5}),
            order(BUY, Side.BUY, NOW_MS, one),
            Attempt(BUY, NOW_MS + 5, 5_000, 7, "0123456789abcdef"),
        ],
        [OrderChanged(BUY, OrderStatus.UNKNOWN, D(0), D(0), NOW_MS + step, reason="no answer in 15 s")],
        [AccountMoved(AccountState.DEGRADED, "the user stream broke", NOW_MS + 2 * step)],
        [OrderChanged(BUY, OrderStatus.NEW, D(0), D(0), NOW_MS + 3 * step, 77)],
        [
            filled(BUY, Side.BUY, 501, NOW_MS + 4 * step, one),
            OrderChanged(BUY, OrderStatus.FILLED, D("0.5"), D(50), NOW_MS + 4 * step, 77),
        ],
        [ProtectionMoved(one, "armed", NOW_MS + 5 * step, "b-1-1-stop", D("0.5"), D(95))],
        [Decision(one, NOW_MS + 6 * step, "BTCUSDT", Side.BUY, Verdict.DENIED, "still below", "account_state")],
        [order(SELL, Side.SELL, NOW_MS + 7 * step, one, Purpose.EXIT), Attempt(SELL, NOW_MS + 7 * step, 5_000, 7)],
        [CancelOrder(SELL, "BTCUSDT")],
        [
            filled(SELL, Side.SELL, 502, NOW_MS + 8 * step, one),
            OrderChanged(SELL, OrderStatus.FILLED, D("0.5"), D(50), NOW_MS + 8 * step, 78),
            TradeClosed(
                one, "BTCUSDT", Side.BUY, D("0.5"), D(100), D(100), D(0), D("0.2"), D("-0.2"), NOW_MS + 4 * step,
                NOW_MS + 8 * step, SELL, reason="back at mean",
            ),
        ],
        [StrategyStopped(one, NOW_MS + 9 * step, "a person")],
    ]  # fmt: skip
    for number, outcomes in enumerate(story):
        await journal.record(Tick(number), outcomes)
    await journal.close()
    engine = create_sync(database_url)
    return Session(engine)


@pytest.fixture
def reading(session: Session) -> Iterator[Session]:
    with session:
        yield session
    session.get_bind().dispose()  # type: ignore[union-attr]


def test_a_life_tells_everything_in_the_order_in_which_it_was_written(reading: Session) -> None:
    found = life.of_order(reading, BUY, list(Mode))
    assert found is not None
    assert (found.account, found.mode) == ("home", "paper")
    assert [each.seen for each in found.decisions] == [{"mean": 101.5}]
    assert [(each.time_ms - NOW_MS, each.says) for each in found.moments] == [
        (-9_000, "the account is ready: the look at the exchange was clean"),
        (0, "intent written: BUY 0.5 BTCUSDT limit at 100, entry (below mean); 50 set aside for the worst case"),
        (5, "attempt written under lease 7: signed for this moment, good for 5 s, request 0123456789abcdef"),
        (1_000, ("UNKNOWN: nobody knows whether the exchange has it; it is asked about, and never sent again"
                " (no answer in 15 s)")),
        (2_000, "the account is degraded: the user stream broke"),
        (3_000, "NEW: the exchange has it, number 77 there"),
        (4_000, ("filled 0.5 at 100 as taker, trade 501, fee 0.0002 BNB (worth 0.1 then); posted: market -0.5 BTC,"
                " strategy:1 0.5 BTC")),
        (4_000, "FILLED: all of it is filled, number 77 there, 0.5 filled"),
    ]  # fmt: skip
    assert [(each.status, each.is_over, each.wanted, each.filled) for each in found.endings] == [
        ("FILLED", True, "0.5", "0.5")
    ]
    assert found.moments[2].fact["recv_window_ms"] == 5_000


def test_what_has_no_time_of_its_own_has_that_of_its_writing(reading: Session) -> None:
    found = life.of_order(reading, SELL, [Mode.PAPER])
    assert found is not None
    cancel = next(each for each in found.moments if each.kind == "cancel")
    assert cancel.time_ms == cancel.written_ms > NOW_MS
    assert found.moments[-1].says.startswith("round trip ended (back at mean): 0.5 from 100 to 100, P&L -0.2")


def test_a_trade_leads_to_its_order(reading: Session) -> None:
    (found,) = life.of_trade(reading, 502, list(Mode))
    assert [each.client_order_id for each in found.endings] == [SELL]
    assert life.of_trade(reading, 999, list(Mode)) == []


def test_a_position_is_made_of_all_its_orders_with_stops_between(reading: Session) -> None:
    (strategy,) = queries.strategies(reading)
    found = life.of_position(reading, strategy, Mode.PAPER, None)
    assert found is not None
    assert [each.client_order_id for each in found.endings] == [BUY, SELL]
    assert "its stop on the exchange is armed, for 0.5 at 95" in [each.says for each in found.moments]
    assert life.of_position(reading, strategy, Mode.PAPER, NOW_MS) is None
    assert life.of_position(reading, strategy, Mode.LIVE, None) is None


def test_an_order_that_no_money_knows_has_no_life(reading: Session) -> None:
    assert life.of_order(reading, "b-nobody", list(Mode)) is None
    assert life.of_order(reading, BUY, [Mode.LIVE]) is None


def test_the_account_stood_as_the_newest_fact_before_said(reading: Session, world: World) -> None:
    queries.use_ledger(reading, Mode.PAPER)
    account = world.ids["account"]
    assert life.account_states(reading, account, [NOW_MS + 6_000, NOW_MS - 60_000]) == {
        NOW_MS + 6_000: "the account is degraded: the user stream broke", NOW_MS - 60_000: "",
    }  # fmt: skip


def test_many_orders_are_told_of_in_one_look(reading: Session, world: World) -> None:
    queries.use_ledger(reading, Mode.PAPER)
    found = life.of_orders(reading, world.ids["account"], [BUY, SELL, "b-nobody"])
    assert [each.kind for each in found[BUY]] == ["intent", "attempt", "order", "order", "fill", "order"]
    assert [each.kind for each in found[SELL]] == ["intent", "attempt", "cancel", "fill", "order", "trip"]
    assert found["b-nobody"] == []
    assert life.of_orders(reading, world.ids["account"], []) == {}
