"""KPIs are exact, and come with one statement for all strategies."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event
from sqlalchemy.orm import Session
from tests.unit.api.world import World, populate, world_of

from bot.db.base import Mode, create_sync, mode_of
from bot.domain.errors import Misconfigured
from bot.domain.figures import max_drawdown, profit_factor, win_rate
from bot.reporting.metrics import account_kpis, compute_kpis, compute_kpis_for_strategy

amounts = st.decimals(min_value=-1000, max_value=1000, places=4)


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    with world_of(database_url) as filled:
        populate(filled)
        yield filled


@pytest.fixture
def session(world: World, database_url: str) -> Iterator[Session]:
    engine = create_sync(database_url)
    with Session(engine) as opened:
        yield opened
    engine.dispose()


def test_kpis_of_a_strategy_are_those_computed_by_hand(session: Session, world: World) -> None:
    assert compute_kpis_for_strategy(session, world.ids["mean"]) == {
        "pnl": Decimal("9.25"),
        "gross": Decimal("13.25"),
        "fees": Decimal(4),
        "win_rate": Decimal("0.5"),
        "open_trades": 1,
        "closed_trades": 4,
        "max_drawdown": Decimal("0.019752475"),
        "profit_factor": pytest.approx(Decimal("13.75") / Decimal("4.5")),
        "equity": Decimal("10009.25"),
    }


def test_a_strategy_without_history_has_nothing_measured(session: Session, world: World) -> None:
    kpis = compute_kpis_for_strategy(session, world.ids["idle"])
    assert (kpis["pnl"], kpis["closed_trades"], kpis["open_trades"]) == (0, 0, 0)
    assert [kpis["win_rate"], kpis["max_drawdown"], kpis["profit_factor"], kpis["equity"]] == [None] * 4


def test_live_money_is_read_from_the_live_ledger_alone(session: Session, world: World) -> None:
    live = compute_kpis_for_strategy(session, world.ids["live"])
    assert (live["pnl"], live["equity"]) == (Decimal(100), Decimal(5100))
    assert compute_kpis(session)[world.ids["test"]]["pnl"] == 0


def test_all_strategies_take_one_statement_a_ledger_and_agree_with_one_by_one(session: Session, world: World) -> None:
    seen: list[str] = []
    event.listen(session.get_bind(), "before_cursor_execute", lambda *args: seen.append(args[2]))
    together = compute_kpis(session)
    assert sum("strategy_kpis" in statement for statement in seen) == 3
    assert together == {strategy_id: compute_kpis_for_strategy(session, strategy_id) for strategy_id in together}
    assert sorted(together) == sorted(world.ids.values())


def test_an_unknown_strategy_is_named(session: Session) -> None:
    with pytest.raises(Misconfigured, match="no strategy 4711"):
        compute_kpis_for_strategy(session, 4711)


def test_an_account_sums_its_strategies_and_its_drawdown_follows_their_sum(session: Session, world: World) -> None:
    other = world.strategy(1, "other", {"symbol": "BTCUSDT"})
    world.trade(other, "-2.25")
    world.mark(other, 1_000.0, 1_000)
    world.mark(other, 1_100.0, 1_750_000_000_000 - 90_000)
    kpis = account_kpis(session, Mode.PAPER)[1]
    assert (kpis["pnl"], kpis["closed_trades"], kpis["open_trades"]) == (Decimal(7), 5, 1)
    assert kpis["win_rate"] == pytest.approx(Decimal("0.4"))
    assert kpis["equity"] == Decimal("11109.25")
    peak, low = Decimal("11100"), Decimal("10900.5")
    assert kpis["max_drawdown"] == pytest.approx((peak - low) / peak)


@pytest.mark.parametrize(
    ("equity", "fall"),
    [
        ([], None),
        ([100], 0),
        ([100, 120, 90, 130, 110], Decimal("0.25")),
        ([0, 0], None),
        ([0, 10, 0], 1),
        ([100, -50], Decimal("1.5")),
    ],
)
def test_drawdown_is_the_deepest_fall_from_a_peak(equity: list[int], fall: Decimal | None) -> None:
    assert max_drawdown(Decimal(value) for value in equity) == fall


@given(st.lists(st.decimals(min_value=1, max_value=1000, places=2), min_size=1))
def test_drawdown_is_that_of_the_worst_pair(equity: list[Decimal]) -> None:
    worst = max((high - low) / high for at, high in enumerate(equity) for low in equity[at:])
    assert max_drawdown(equity) == pytest.approx(worst)


@given(st.lists(amounts))
def test_a_profit_factor_above_one_means_money_was_made(results: list[Decimal]) -> None:
    factor = profit_factor(results)
    lost = [result for result in results if result < 0]
    assert (factor is None) == (not lost)
    if factor is not None:
        assert (factor > 1) == (sum(results) > 0)


def test_win_rate_needs_a_closed_trade() -> None:
    assert win_rate(0, 0) is None
    assert win_rate(1, 4) == Decimal("0.25")


@pytest.mark.parametrize(
    ("demo_mode", "environment", "approved", "mode"),
    [
        (True, "production", True, Mode.PAPER),
        ("false", "production", True, Mode.PAPER),
        (0, "production", True, Mode.PAPER),
        (None, "testnet", False, Mode.PAPER),
        (False, "production", False, Mode.PAPER),
        (False, "production", True, Mode.LIVE),
        (False, "testnet", False, Mode.REHEARSAL),
        (False, "emulator", True, Mode.REHEARSAL),
    ],
)
def test_real_money_needs_two_facts(demo_mode: object, environment: str, approved: bool, mode: Mode) -> None:
    assert mode_of({"demo_mode": demo_mode}, environment, live_approved=approved) is mode
    assert mode_of({}, environment, live_approved=approved) is Mode.PAPER
