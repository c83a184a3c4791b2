"""The last look: states, owners, switches and caps."""

from decimal import Decimal

import msgspec
import pytest

from bot.domain.messages import CancelOrder, Command, PlaceOrder
from bot.domain.money import Price, Quantity
from bot.domain.order import Order, OrderType, Purpose, Side
from bot.domain.state import AccountState
from bot.runtime.condition import Condition
from bot.runtime.gate import Caps, SendGate


def order(n: int = 0, purpose: Purpose = Purpose.ENTRY, *, strategy_id: int = 1, created_ms: int = 1000) -> PlaceOrder:
    return PlaceOrder(
        Order(
            f"b-{n}", strategy_id, "BTCUSDT", Side.BUY, OrderType.MARKET, Quantity(Decimal(1)), created_ms,
            purpose=purpose,
        )
    )  # fmt: skip


CANCEL = CancelOrder("b-1", "BTCUSDT")


def ready() -> Condition:
    condition = Condition("main/live")
    condition.begin()
    condition.finish()
    return condition


def gate(condition: Condition | None = None, **more: object) -> SendGate:
    return SendGate(condition or ready(), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "allowed"),
    [
        (AccountState.BOOT, {"cancel"}),
        (AccountState.RECONCILING, {"exit", "stop", "cancel"}),
        (AccountState.READY, {"entry", "exit", "stop", "cancel"}),
        (AccountState.DEGRADED, {"exit", "stop", "cancel"}),
        (AccountState.HALTED, {"cancel"}),
    ],
)
def test_each_state_lets_its_own_commands_pass(state: AccountState, allowed: set[str]) -> None:
    condition = Condition("main/live")
    condition.state = state
    commands: dict[str, Command] = {each.value: order(purpose=each) for each in Purpose} | {"cancel": CANCEL}
    assert {name for name, command in commands.items() if not gate(condition).permit(command, None)} == allowed


def test_who_does_not_own_the_account_sends_nothing_at_all() -> None:
    checked = gate(owners=[lambda: "the lease is over"])
    assert checked.permit(order(), None) == checked.permit(CANCEL, None) == "the lease is over"


def test_a_switch_stops_orders_and_lets_cancels_pass() -> None:
    checked = gate(switches=[lambda: "", lambda: "the kill switch is on"])
    assert checked.permit(order(purpose=Purpose.STOP), None) == "the kill switch is on"
    assert not checked.permit(CANCEL, None)


def test_no_more_orders_leave_in_a_minute_than_allowed_but_stops_do() -> None:
    checked = gate(caps=Caps(orders_a_minute=2))
    assert [bool(checked.permit(order(n, created_ms=n), None)) for n in range(3)] == [False, False, True]
    assert not checked.permit(order(4, Purpose.STOP), None)
    assert not checked.permit(order(5, created_ms=60_000), None)


def test_exits_that_bear_the_clock_hold_nothing_back_in_a_market_of_the_past() -> None:
    checked = gate(caps=Caps(orders_a_minute=4))
    for n in range(12):
        purpose, created_ms = (Purpose.EXIT, 10**12) if n % 2 else (Purpose.ENTRY, 60_000 * n)
        assert not checked.permit(order(n, purpose, created_ms=created_ms), None)
    at_once = [checked.permit(order(n, strategy_id=n, created_ms=900_000), None) for n in range(5)]
    assert [bool(each) for each in at_once] == [False] * 4 + [True]


def test_one_decision_has_few_children() -> None:
    checked = gate(caps=Caps(orders_a_minute=100, orders_a_decision=2))
    assert [bool(checked.permit(order(n), None)) for n in range(3)] == [False, False, True]
    assert not checked.permit(order(3, strategy_id=2), None)
    assert not checked.permit(order(4, created_ms=2000), None)


def test_what_a_person_wants_closed_is_closed_while_everything_else_is_stopped() -> None:
    condition = ready()
    condition.halt("enough")
    checked = gate(condition, switches=[lambda: "the kill switch"], closing=lambda: True)
    assert checked.permit(order(purpose=Purpose.STOP), None) == ""
    assert checked.permit(order(purpose=Purpose.EXIT), None)
    assert checked.permit(order(), None)
    nobody = gate(condition, owners=[lambda: "the lease is over"], closing=lambda: True)
    assert nobody.permit(order(purpose=Purpose.STOP), None) == "the lease is over"


def resting_stop() -> PlaceOrder:
    stop = order(purpose=Purpose.STOP)
    guard = msgspec.structs.replace(stop.order, type=OrderType.STOP_LOSS, stop_price=Price(Decimal(90)))
    return PlaceOrder(guard)


def test_under_a_kill_switch_stops_go_on_to_the_exchange_and_nothing_else_does() -> None:
    condition = ready()
    condition.halt("enough", keeps_stops=True)
    checked = gate(condition, switches=[lambda: "the kill switch"])
    assert checked.permit(resting_stop(), None) == ""
    assert all(checked.permit(order(purpose=each), None) for each in Purpose)
    nobody = gate(condition, owners=[lambda: "the lease is over"])
    assert nobody.permit(resting_stop(), None) == "the lease is over"


def test_any_other_halt_lets_no_stop_out_and_takes_the_leave_back_that_a_kill_switch_gave() -> None:
    told: list[str] = []
    condition = ready()
    condition.listener = lambda _, reason: told.append(reason)
    condition.halt("enough", keeps_stops=True)
    condition.halt("enough once more", keeps_stops=True)
    condition.halt("two bots share one key")
    condition.halt("enough", keeps_stops=True)
    assert told == ["enough", "two bots share one key"]
    assert gate(condition).permit(resting_stop(), None) == "the account is halted: two bots share one key"
