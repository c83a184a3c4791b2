"""A strategy's decisions with what came of them, and how it stood when there was none."""

from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
from sqlalchemy.orm import Session
from tests.unit.api.world import MINUTE_MS, NOW_MS, PAPER, World, world_of

from bot.db.base import Mode, create_sync
from bot.reporting import queries, why
from bot.reporting.queries import StrategyFacts
from bot.reporting.why import DecisionSeen, Standing

HOUR_MS = 60 * MINUTE_MS


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    with world_of(database_url) as opened:
        opened.ids["one"] = opened.strategy(opened.account("home"), "one", PAPER)
        yield opened


@pytest.fixture
def session(database_url: str) -> Iterator[Session]:
    engine = create_sync(database_url)
    with Session(engine) as reading:
        yield reading
    engine.dispose()


@pytest.fixture
def facts(world: World, session: Session) -> StrategyFacts:
    (known,) = queries.strategies(session)
    return known


def decide(world: World, order_id: int, at_ms: int = NOW_MS) -> None:
    """Tie a decision to an order."""
    decision = world.decision(world.ids["one"], at_ms=at_ms)
    world.connection.execute(
        "UPDATE decisions SET client_order_id = (SELECT client_order_id FROM orders WHERE id = %s) WHERE id = %s",
        (order_id, decision),
    )


def test_a_decision_comes_with_its_order_its_fills_and_its_closed_round_trip(
    world: World, session: Session, facts: StrategyFacts
) -> None:
    world.trade(world.ids["one"], "3.5", "1.25")
    decide(world, 1)
    (decision,) = why.newest(session, facts, Mode.PAPER, 5)
    assert (decision.time_ms, decision.side, decision.verdict, decision.reason) == (
        NOW_MS, "BUY", "approved", "below mean",
    )  # fmt: skip
    assert decision.seen == {"mean": 101.5, "close": 100.25}
    order = decision.order
    assert order is not None
    assert (order.status, order.quantity, order.filled, order.average_price) == (
        "FILLED", Decimal("0.5"), Decimal("0.5"), Decimal(100),
    )  # fmt: skip
    assert [(state.status, state.time_ms) for state in order.states] == [("SENT", NOW_MS), ("FILLED", NOW_MS)]
    assert [(str(fill.price), str(fill.quantity), fill.fee_asset) for fill in order.fills] == [("100", "0.5", "USDT")]
    assert order.trip is not None
    assert (str(order.trip.pnl), str(order.trip.gross), str(order.trip.fees)) == ("3.5", "4.75", "1.25")


def test_an_open_round_trip_has_no_result_yet(world: World, session: Session, facts: StrategyFacts) -> None:
    world.open_position(world.ids["one"])
    decide(world, 1)
    (decision,) = why.newest(session, facts, Mode.PAPER, 5)
    assert decision.order is not None
    assert (len(decision.order.fills), decision.order.trip) == (1, None)


def test_an_order_without_a_fill_says_how_it_ended(world: World, session: Session, facts: StrategyFacts) -> None:
    world.order(world.ids["one"], "BUY", "0.5", "100", status="REJECTED")
    world.connection.execute(
        "UPDATE orders SET status_reason = 'not enough money', updated = to_timestamp(%s)", (NOW_MS / 1000 + 2,)
    )
    decide(world, 1)
    order = why.newest(session, facts, Mode.PAPER, 5)[0].order
    assert order is not None
    ended = order.states[-1]
    assert (ended.status, ended.time_ms, ended.reason) == ("REJECTED", NOW_MS + 2_000, "not enough money")
    assert (order.fills, order.average_price) == ([], None)


def test_an_order_that_waits_has_one_state(world: World, session: Session, facts: StrategyFacts) -> None:
    world.order(world.ids["one"], "BUY", "0.5", "100", status="SENT")
    decide(world, 1)
    order = why.newest(session, facts, Mode.PAPER, 5)[0].order
    assert order is not None
    assert [state.status for state in order.states] == ["SENT"]


def test_decisions_are_found_by_time_and_money(world: World, session: Session, facts: StrategyFacts) -> None:
    times = [NOW_MS + minute * MINUTE_MS for minute in range(5)]
    for at_ms in times:
        world.decision(facts.id, "denied", rule="cooldown", at_ms=at_ms)

    def found(mode: Mode = Mode.PAPER, most: int = 9) -> list[int]:
        return [each.time_ms for each in why.between(session, facts, mode, times[1], times[4], most)]

    assert found() == times[1:4]
    assert found(most=2) == times[1:3]
    assert found(Mode.LIVE) == []
    assert [each.time_ms for each in why.newest(session, facts, Mode.PAPER, 2)] == times[:2:-1]
    assert why.newest_ms(session, facts, Mode.PAPER) == times[-1]
    assert why.newest_ms(session, facts, Mode.LIVE) is None


@pytest.fixture
def stand(session: Session, facts: StrategyFacts) -> Callable[..., Standing]:
    def at(at_ms: int, warm_up: int = 20) -> Standing:
        return why.standing(session, facts, Mode.PAPER, at_ms, warm_up)

    return at


def test_marks_on_both_sides_say_that_it_was_at_work(world: World, stand: Callable[..., Standing]) -> None:
    for minute in range(-5, 5):
        world.mark(world.ids["one"], 1, NOW_MS + minute * MINUTE_MS)
    found = stand(NOW_MS + 1)
    assert (found.before_ms, found.after_ms, found.usual_gap_ms) == (NOW_MS, NOW_MS + MINUTE_MS, MINUTE_MS)
    assert found.is_at_work(NOW_MS + 1, MINUTE_MS)
    assert found.began_ms == NOW_MS - 5 * MINUTE_MS
    assert found.held == Decimal("0.5")


def test_a_hole_between_marks_says_that_it_was_not(world: World, stand: Callable[..., Standing]) -> None:
    for minute in (*range(-5, 1), *range(30, 35)):
        world.mark(world.ids["one"], 1, NOW_MS + minute * MINUTE_MS)
    assert not stand(NOW_MS + 10 * MINUTE_MS).is_at_work(NOW_MS + 10 * MINUTE_MS, MINUTE_MS)
    assert not stand(NOW_MS + 60 * MINUTE_MS).is_at_work(NOW_MS + 60 * MINUTE_MS, MINUTE_MS)
    assert stand(NOW_MS + 32 * MINUTE_MS).began_ms == NOW_MS + 30 * MINUTE_MS


def test_marks_kept_by_the_hour_alone_are_no_hole(world: World, stand: Callable[..., Standing]) -> None:
    for hour in range(-30, 30):
        world.mark(world.ids["one"], 1, NOW_MS + hour * HOUR_MS)
    found = stand(NOW_MS + 10 * MINUTE_MS)
    assert found.is_at_work(NOW_MS + 10 * MINUTE_MS, MINUTE_MS)
    assert found.began_ms is None


def test_work_that_began_long_before_did_not_begin_just_now(world: World, stand: Callable[..., Standing]) -> None:
    for minute in range(-60, 5):
        world.mark(world.ids["one"], 1, NOW_MS + minute * MINUTE_MS)
    assert stand(NOW_MS).began_ms is None


def test_it_knows_the_stop_and_the_decisions_beside_the_moment(
    world: World, session: Session, stand: Callable[..., Standing]
) -> None:
    assert stand(NOW_MS).before_ms is None
    world.decision(world.ids["one"], at_ms=NOW_MS - 1)
    world.decision(world.ids["one"], "denied", rule="daily_loss", at_ms=NOW_MS + 1)
    world.connection.execute(
        "INSERT INTO risk_state (strategy_id, stopped, stopped_ms) VALUES (%s, 'drawdown', %s)",
        (world.ids["one"], NOW_MS - 5),
    )
    session.rollback()
    found = stand(NOW_MS)

    def time_and_rule(decision: DecisionSeen | None) -> tuple[int, str] | None:
        return None if decision is None else (decision.time_ms, decision.rule)

    assert time_and_rule(found.last) == (NOW_MS - 1, "")
    assert time_and_rule(found.next) == (NOW_MS + 1, "daily_loss")
    assert (found.stopped, found.stopped_ms) == ("drawdown", NOW_MS - 5)
