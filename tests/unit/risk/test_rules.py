"""Each rule alone, and the gate that asks them in turn."""

from decimal import Decimal

import msgspec
import pytest

from bot.domain.money import Quantity
from bot.domain.order import Order, OrderType, Purpose, Side
from bot.domain.state import AccountState
from bot.risk.gate import APPROVED, Denied, review
from bot.risk.rules import ENTRY_RULES, EXIT_RULES, Limits, Proposal, Standing

CALM = Standing(equity=1000.0, peak_equity=1000.0, day_equity=1000.0, open_orders=0)
ORDER = Order("b-1-0-0", 1, "BTCUSDT", Side.BUY, OrderType.MARKET, Quantity(Decimal("0.001")), created_ms=0)
GOOD = Proposal(
    order=ORDER,
    price=50_000.0,
    worth=Decimal(50),
    free_quote=Decimal(1000),
    gain=0.0,
    is_tradable=True,
    broken_filter=None,
    strategy_limits=Limits(),
    account_limits=Limits(),
    strategy=CALM,
    account=CALM,
)
EXIT = msgspec.structs.replace(ORDER, side=Side.SELL, purpose=Purpose.EXIT)
STOP = msgspec.structs.replace(ORDER, side=Side.SELL, purpose=Purpose.STOP)
LOW = Standing(equity=800.0, peak_equity=1000.0, day_equity=900.0, open_orders=3, pending_entries=1)
RISKY = msgspec.structs.replace(CALM, exposure=Decimal(100))

CASES: list[tuple[str, dict[str, object]]] = [
    ("tradable", {"is_tradable": False}),
    ("exchange_filters", {"broken_filter": "LOT_SIZE"}),
    ("price_band", {"strategy_limits": Limits(min_price=60_000.0)}),
    ("price_band", {"strategy_limits": Limits(max_price=40_000.0)}),
    ("order_value", {"strategy_limits": Limits(max_order_value=Decimal("49.99"))}),
    ("order_value", {"account_limits": Limits(max_order_value=Decimal("49.99"))}),
    ("open_orders", {"strategy": LOW, "strategy_limits": Limits(max_open_orders=3), "order": msgspec.structs.replace(ORDER, price=Decimal(1))}),
    ("open_orders", {"account": LOW, "account_limits": Limits(max_open_orders=3)}),
    ("one_entry_at_a_time", {"strategy": LOW}),
    ("drawdown", {"strategy": msgspec.structs.replace(LOW, pending_entries=0), "strategy_limits": Limits(max_drawdown=0.2)}),
    ("drawdown", {"account": LOW, "account_limits": Limits(max_drawdown=0.2)}),
    ("daily_loss", {"account": LOW, "account_limits": Limits(daily_loss=100.0)}),
    ("minimum_profit", {"order": EXIT, "gain": 0.0019, "strategy_limits": Limits(min_profit=0.002)}),
    ("account_state", {"state": AccountState.DEGRADED}),
    ("account_state", {"state": AccountState.HALTED, "order": STOP}),
    ("known_outcomes", {"strategy": msgspec.structs.replace(CALM, unknown_orders=1)}),
    ("exposure", {"strategy": RISKY, "strategy_limits": Limits(max_exposure=Decimal("149.99"))}),
    ("exposure", {"account": RISKY, "account_limits": Limits(max_exposure=Decimal("149.99"))}),
    ("exposure", {"symbol_exposure": Decimal(100), "account_limits": Limits(max_symbol_exposure=Decimal("149.99"))}),
    ("protectable", {"unprotectable": "its stop could not rest: BTCUSDT takes no stop orders"}),
    ("funds", {"free_quote": Decimal("49.99")}),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "change"), CASES, ids=[f"{rule}-{i}" for i, (rule, _) in enumerate(CASES)])
def test_a_rule_objects_and_its_name_travels_with_the_refusal(rule: str, change: dict[str, object]) -> None:
    verdict = review(msgspec.structs.replace(GOOD, **change))
    assert isinstance(verdict, Denied)
    assert verdict.rule == rule
    assert verdict.reason


def test_each_rule_is_tried_by_a_case() -> None:
    assert {rule.__name__ for rule in (*ENTRY_RULES, *EXIT_RULES)} == {rule for rule, _ in CASES}


def test_a_good_entry_passes() -> None:
    assert review(GOOD) is APPROVED


def test_bounds_that_are_met_exactly_pass() -> None:
    limits = Limits(min_price=50_000.0, max_price=50_000.0, max_order_value=Decimal(50))
    assert review(msgspec.structs.replace(GOOD, strategy_limits=limits, free_quote=Decimal(50))) is APPROVED
    exit_at_minimum = msgspec.structs.replace(GOOD, order=EXIT, gain=0.002, strategy_limits=Limits(min_profit=0.002))
    assert review(exit_at_minimum) is APPROVED


def test_no_rule_of_ours_holds_a_stop_back() -> None:
    worst = msgspec.structs.replace(
        GOOD,
        order=STOP,
        gain=-0.5,
        free_quote=Decimal(0),
        strategy=LOW,
        account=LOW,
        strategy_limits=Limits(60_000.0, 1.0, Decimal(1), 1, 0.01, 1.0, 0.9, 0.001),
        account_limits=Limits(60_000.0, 1.0, Decimal(1), 1, 0.01, 1.0, 0.9, 0.001),
    )
    assert review(worst) is APPROVED
