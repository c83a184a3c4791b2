"""Chaos without processes: what its strategy does, which cases it makes, and what its oracle finds."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot.domain.messages import AccountMoved, Attempt, OrderChanged, Outcome, PlaceOrder
from bot.domain.money import Quantity
from bot.domain.order import Order, OrderStatus, OrderType, Purpose, Side
from bot.domain.state import AccountState
from bot.emulator.wire import Json
from bot.killpoints import NAMES
from bot.proof import chaos_evidence
from bot.proof.chaos import cases_at, check_points, random_cases
from bot.proof.chaos_evidence import Found, TruthRows
from bot.proof.chaos_strategy import FILE, KINDS, ByKind
from bot.strategies.registry import discover


def _placed(name: str, purpose: Purpose = Purpose.ENTRY) -> PlaceOrder:
    return PlaceOrder(Order(name, 1, "BTCUSDT", Side.BUY, OrderType.MARKET, Quantity(Decimal(1)), 0, purpose=purpose))


def _ended(name: str) -> OrderChanged:
    return OrderChanged(name, OrderStatus.CANCELED, Decimal(0), Decimal(0), 0)


def _seen(outcomes: Sequence[Outcome], max_open: int = 2) -> Found:
    facts: Any = SimpleNamespace(outcomes=outcomes, replay=lambda: None)
    return Found("chaos", TruthRows(), facts, "", max_open)


READY = AccountMoved(AccountState.READY, "", 0)
DEGRADED = AccountMoved(AccountState.DEGRADED, "stream", 0)


@pytest.mark.parametrize(
    ("check", "outcomes", "broken"),
    [
        ("i6_limits_hold", [_placed("a"), _placed("b"), _ended("a"), _placed("c")], False),
        ("i6_limits_hold", [_placed("a"), _placed("b"), _placed("c"), _ended("a")], True),
        ("i8_new_risk_when_ready", [READY, _placed("a")], False),
        ("i8_new_risk_when_ready", [READY, DEGRADED, _placed("a", Purpose.EXIT)], False),
        ("i8_new_risk_when_ready", [READY, DEGRADED, _placed("a")], True),
        ("i9_epochs_grow", [Attempt("a", 1, epoch=1), Attempt("b", 2, epoch=2)], False),
        ("i9_epochs_grow", [Attempt("a", 1, epoch=2), Attempt("b", 2, epoch=1)], True),
    ],
)
def test_the_oracle_finds_what_is_broken_and_nothing_else(
    check: str, outcomes: Sequence[Outcome], broken: bool
) -> None:
    assert bool(list(getattr(chaos_evidence, check)(_seen(outcomes)))) is broken


def test_balances_are_the_sum_of_all_that_moved() -> None:
    truth = TruthRows()
    row: Json = {"kind": "balance", "account": "chaos", "asset": "USDT"}
    moves = [("100", "0"), ("-30.5", "30.5"), ("0", "-10.5")]
    rows = [{**row, "n": n, "free": free, "locked": locked} for n, (free, locked) in enumerate(moves, 1)]
    assert truth.take({"rows": rows})
    assert truth.last == 3
    assert not truth.take({"rows": []})
    held = truth.balances("chaos")["USDT"]
    assert (held.free, held.locked) == (Decimal("69.5"), Decimal("20.0"))


def test_every_point_has_a_case_for_some_kind_but_the_one_of_a_new_database() -> None:
    found = {each.points[0].split(":")[0] for each in cases_at(NAMES, KINDS, double=False, lots=Random(1))}
    assert found == set(NAMES) - {"migration.step"}


def test_a_double_case_dies_twice_at_points_that_exist() -> None:
    for each in cases_at(NAMES, KINDS, double=True, lots=Random(2)):
        assert len(each.points) == 2
        assert check_points([point.split(":")[0] for point in each.points]) == []


def test_random_cases_are_as_many_as_asked_for() -> None:
    assert len(list(random_cases(7, trouble=True, lots=Random(1)))) == 7


def test_its_strategy_is_found_where_users_put_theirs(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "chaos_restless.py").write_text(FILE)
    found = discover(tmp_path)
    assert found.problems == ()
    assert issubclass(found.find("chaos_restless"), ByKind)


@pytest.mark.parametrize(
    ("wanted", "is_priced"), [("market", False), ("limit", True), ("cancel", True), ("rest", None)]
)
def test_it_does_what_the_file_asks_for(tmp_path: Path, wanted: str, is_priced: bool | None) -> None:
    file = tmp_path / "wish"
    file.write_text(wanted)
    view = SimpleNamespace(position=SimpleNamespace(is_flat=True, quantity=Decimal(0)), orders=[])
    strategy = ByKind(ByKind.Config(symbol="BTCUSDT", wish_file=str(file)), cast("Any", view))
    strategy.on_tick(cast("Any", SimpleNamespace(symbol="BTCUSDT", open_time=0, close=100.0)))
    prices = [cast("Any", wish).price is not None for wish in strategy.take_wishes()]
    assert prices == ([] if is_priced is None else [is_priced])
