"""The last way out: an exit at any price that comes to nothing is tried again, with growing pauses, and loudly."""

from decimal import Decimal

import pytest

from bot.domain.messages import CloseRequested, OrderUpdate, Pulse, StateChanged, StrategyStopped
from bot.domain.order import Order, OrderStatus
from bot.domain.state import AccountState
from bot.engine.leaving import LOUD_AT, PAUSE_MAX, Leaving

D = Decimal
S = OrderStatus
GUARDED: dict[str, object] = {
    "stop_loss": 0.1,
    "protect": "exchange",
    "rules": {"order_types": frozenset({"LIMIT", "MARKET", "STOP_LOSS"})},
}


def told(order: Order, status: OrderStatus, **more: object) -> OrderUpdate:
    return OrderUpdate(order.client_order_id, status, order.created_ms + 10, **more)  # type: ignore[arg-type]


def test_pauses_grow_and_end_with_what_trades() -> None:
    leaving = Leaving()
    pauses = []
    for n in range(9):
        assert leaving.fail(n) is (n + 1 == LOUD_AT)
        pauses.append(leaving.pause)
    assert pauses == [1, 2, 4, 8, 16, 32, PAUSE_MAX, PAUSE_MAX, PAUSE_MAX]
    leaving.pulse()
    assert (leaving.pause, leaving.is_due, leaving.time_ms) == (PAUSE_MAX - 1, False, 8)
    leaving.succeed()
    assert leaving.is_due
    leaving.pulse()
    assert leaving.is_due


@pytest.mark.parametrize("end", [S.VOID, S.EXPIRED, S.REJECTED, S.CANCELED])
def test_what_a_person_wants_closed_is_tried_until_it_is_closed(bench, orders, end) -> None:
    slot = bench.add({0: lambda s: s.buy("in")})
    (entry,) = orders(bench.show(0, 100.0))
    bench.fill(entry, "100")
    bench.tell(StateChanged(AccountState.HALTED, "kill switch", 1, keeps_stops=True))
    assert not bench.engine.wants_pulses
    (exit_,) = orders(bench.tell(CloseRequested("all out", 2)))
    assert not bench.engine.wants_pulses, "it is on its way"
    waited = []
    for _ in range(4):
        assert orders(bench.tell(told(exit_, end))) == []
        assert bench.engine.wants_pulses
        pulses = 1
        while not (again := orders(bench.tell(Pulse()))):
            pulses += 1
        waited.append(pulses)
        assert again[0].quantity == exit_.quantity
        (exit_,) = again
    assert waited == [1, 2, 4, 8]
    loud = [each.reason for each in bench.outcomes if isinstance(each, StrategyStopped)]
    assert [each for each in loud if "could not be sold 3 times in a row" in each]
    bench.fill(exit_, "99")
    assert slot.position.is_flat
    assert not bench.engine.wants_pulses
    assert slot.leaving.is_due


def test_what_cannot_be_sent_at_all_is_tried_with_pauses_too(bench, orders) -> None:
    bench.add({0: lambda s: s.buy("in")})
    (entry,) = orders(bench.show(0, 100.0))
    bench.fill(entry, "100")
    bench.tell(StateChanged(AccountState.BOOT, "", 1))
    assert orders(bench.tell(CloseRequested("all out", 2))) == []
    for _ in range(20):
        assert orders(bench.tell(Pulse())) == []
    bench.tell(StateChanged(AccountState.HALTED, "kill switch", 3))
    assert sum(bool(orders(bench.tell(Pulse()))) for _ in range(PAUSE_MAX)) == 1


def test_a_position_that_no_stop_can_guard_is_left_with_pauses(bench, orders) -> None:
    slot = bench.add({0: lambda s: s.buy("in")}, **GUARDED)
    (entry,) = orders(bench.show(0, 100.0))
    (stop,) = orders(bench.fill(entry, "100"))
    while stop.stop_price is not None:
        found = orders(bench.tell(told(stop, S.REJECTED, reason="no")))
        while not found:
            found = orders(bench.tell(Pulse()))
        (stop,) = found
    sent = [sum(len(orders(bench.tell(event))) for event in (told(stop, S.REJECTED), Pulse()))]
    assert sent == [1], "the first one more comes with the next pulse"
    (exit_,) = [each.order for each in slot.live.values()]
    bench.tell(told(exit_, S.EXPIRED))
    assert orders(bench.tell(Pulse())) == []
    assert len(orders(bench.tell(Pulse()))) == 1
