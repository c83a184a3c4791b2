"""Two runs side by side: each way in which they can part is played, and named by its cause."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from bot.domain.messages import (
    Decision,
    FillBooked,
    OrderChanged,
    Outcome,
    PlaceOrder,
    StrategyStopped,
    TradeClosed,
    Verdict,
)
from bot.domain.order import Fill, Order, OrderStatus, OrderType, Purpose, Side
from bot.reporting.parity import Cause, Comparison, compare
from bot.reporting.run_record import Record, latencies, record_of

MINUTE = 60_000
SETTINGS = {"order_value": 50.0, "fee_pct": 0.001, "fill": "last", "demo_mode": True}


class Run:
    """A run that is put together order by order; times count minutes."""

    def __init__(self, label: str, *, first: int = 0, last: int = 100, **settings: Any) -> None:
        self.outcomes: list[Outcome] = []
        self.blank = Record(label, label, "dips", {**SETTINGS, **settings}, first * MINUTE, last * MINUTE)
        self.count = 0

    def order(
        self,
        side: Side,
        minute: int,
        price: str = "100",
        quantity: str = "1",
        fee: str | None = None,
        filled: str | None = None,
        status: OrderStatus = OrderStatus.FILLED,
        why: str = "",
        delay_ms: int = 20,
        seen: float = 1.0,
        asset: str = "USDT",
        reason: str = "a reason",
    ) -> "Run":
        self.count += 1
        name, at = f"b-1-{minute}-{self.count}", minute * MINUTE
        purpose = Purpose.ENTRY if side is Side.BUY else Purpose.EXIT
        order = Order(name, 1, "BTCUSDT", side, OrderType.MARKET, Decimal(quantity), at, purpose=purpose, reason=reason)
        self.outcomes += [
            Decision(1, at, "BTCUSDT", side, Verdict.APPROVED, reason, client_order_id=name, seen={"close": seen}),
            PlaceOrder(order),
        ]
        amount = Decimal(filled if filled is not None else quantity if status is OrderStatus.FILLED else "0")
        if amount:
            paid = Decimal(fee) if fee is not None else amount * Decimal(price) / 1000
            fill = Fill(name, "BTCUSDT", self.count, side, Decimal(price), amount, paid, asset, at + delay_ms)
            self.outcomes.append(FillBooked(1, fill, paid, ()))
        self.outcomes.append(OrderChanged(name, status, amount, amount * Decimal(price), at + delay_ms, reason=why))
        return self

    def buy(self, minute: int, **more: Any) -> "Run":
        return self.order(Side.BUY, minute, **more)

    def sell(self, minute: int, **more: Any) -> "Run":
        return self.order(Side.SELL, minute, **more)

    def deny(self, minute: int, rule: str, reason: str) -> "Run":
        self.outcomes.append(Decision(1, minute * MINUTE, "BTCUSDT", Side.BUY, Verdict.DENIED, reason, rule=rule))
        return self

    def stop(self, minute: int, reason: str) -> "Run":
        self.outcomes.append(StrategyStopped(1, minute * MINUTE, reason))
        return self

    def record(self) -> Record:
        return record_of(self.outcomes, 1, self.blank)


def honest(label: str, **settings: Any) -> Run:
    return Run(label, **settings).buy(1).sell(5, price="101").buy(9).sell(12, price="99")


def compared(other: Run, one: Run | None = None) -> Comparison:
    return compare((one or honest("one")).record(), other.record())


def causes(comparison: Comparison) -> Sequence[Cause]:
    return [each.cause for each in comparison.differences]


def test_equal_runs_have_nothing_apart_whatever_their_ids_and_delays() -> None:
    later = Run("other", demo_mode=False).buy(1, delay_ms=900).sell(5, price="101").buy(9).sell(12, price="99")
    found = compared(later)
    assert (found.differences, found.orders, found.fills) == ([], 4, 4)


def test_orders_of_other_strategies_of_the_account_are_left_out() -> None:
    run = honest("other")
    stranger = Order("b-2-7-1", 2, "BTCUSDT", Side.BUY, OrderType.MARKET, Decimal(1), 7 * MINUTE)
    run.outcomes.append(PlaceOrder(stranger))
    run.outcomes.append(
        TradeClosed(
            2, "BTCUSDT", Side.BUY, Decimal(1), Decimal(1), Decimal(1), Decimal(1), Decimal(0), Decimal(1), 0, 1, "x"
        )
    )
    assert compared(run).differences == []
    assert run.record().trips == []


def test_another_price_is_slippage_and_costs_the_difference() -> None:
    found = compared(Run("other").buy(1, price="100.5").sell(5, price="100").buy(9).sell(12, price="99"))
    assert causes(found) == [Cause.SLIPPAGE, Cause.SLIPPAGE]
    assert [each.quote for each in found.differences] == [Decimal("0.5"), Decimal("1")]
    assert found.causes == {"slippage": (2, Decimal("1.5"))}
    assert found.fills == 2


def test_another_price_much_later_is_latency() -> None:
    found = compared(Run("other").buy(1, price="102", delay_ms=61_000).sell(5, price="101").buy(9).sell(12, price="99"))
    (only,) = found.differences
    assert (only.cause, only.quote) == (Cause.LATENCY, Decimal(2))
    assert "filled at 100 and 102, 60980 ms later" in only.what


@pytest.mark.parametrize(("fee", "asset", "cost"), [("0.2", "USDT", "0.1"), ("0.1", "BNB", "0")])
def test_another_fee_is_a_difference_of_its_own(fee: str, asset: str, cost: str) -> None:
    run = Run("other").buy(1, fee=fee, asset=asset).sell(5, price="101").buy(9).sell(12, price="99")
    (only,) = compared(run).differences
    assert (only.cause, only.quote) == (Cause.FEE, Decimal(cost))


def test_the_same_rate_of_another_price_is_no_difference_of_fees() -> None:
    run = Run("other").buy(1, price="200").sell(5, price="101").buy(9).sell(12, price="99")
    assert causes(compared(run)) == [Cause.SLIPPAGE]


def test_an_order_that_the_exchange_refused_is_a_rejection_and_what_follows_says_so() -> None:
    run = (
        Run("other").buy(1, status=OrderStatus.REJECTED, why="insufficient balance (-2010)").buy(9).sell(12, price="99")
    )
    found = compared(run)
    assert causes(found) == [Cause.REJECTION, Cause.FOLLOWS]
    first, then = found.differences
    assert "FILLED and REJECTED (insufficient balance (-2010))" in first.what
    assert "it holds something else since BUY 1 (a reason)" in then.what
    assert (found.orders, found.fills) == (3, 2)


def test_a_wish_that_was_denied_there_names_the_rule() -> None:
    run = Run("other").deny(1, "daily_loss", "a reason: lost 7 today").buy(9).sell(12, price="99")
    first, then = compared(run).differences
    assert (first.cause, then.cause) == (Cause.REJECTION, Cause.FOLLOWS)
    assert "denied there by daily_loss (a reason: lost 7 today)" in first.what


def test_a_strategy_that_was_stopped_enters_no_more() -> None:
    found = compared(Run("other").buy(1).sell(5, price="101").stop(7, "drawdown 5 % reached"))
    assert causes(found) == [Cause.REJECTION, Cause.FOLLOWS]
    assert "stopped before (drawdown 5 % reached)" in found.differences[0].what


def test_a_part_that_was_filled_is_liquidity() -> None:
    run = Run("other").buy(1, status=OrderStatus.EXPIRED, filled="0.4").sell(5, price="101", quantity="0.4")
    found = compared(run.buy(9).sell(12, price="99"))
    assert causes(found) == [Cause.LIQUIDITY, Cause.FOLLOWS]
    assert "FILLED and EXPIRED" in found.differences[0].what


def test_candles_that_were_not_seen_are_missed_data() -> None:
    run = Run("other").buy(9).sell(12, price="99")
    run.blank.gaps.append((0, 6 * MINUTE))
    assert causes(compared(run)) == [Cause.MISSED_DATA, Cause.FOLLOWS]
    elsewhere = Run("other").buy(1, seen=1.01, reason="another reason").sell(5, price="101").buy(9).sell(12, price="99")
    assert causes(compared(elsewhere)) == [Cause.MISSED_DATA]


def test_only_the_time_in_which_both_ran_is_compared() -> None:
    late = Run("other", first=7).buy(9).sell(12, price="99")
    assert compared(late).differences == []
    never = Run("other", first=200, last=300)
    assert causes(compared(never)) == [Cause.MISSED_DATA]


def test_other_settings_are_told_first_and_are_why_orders_differ() -> None:
    found = compared(honest("other", order_value=60.0).buy(20))
    assert causes(found) == [Cause.SETTINGS, Cause.SETTINGS]
    assert found.differences[0].what == "order_value is 50.0 and 60.0"


def test_what_nothing_explains_is_said_to_be_unexplained() -> None:
    found = compared(honest("other").buy(20))
    assert causes(found) == [Cause.UNEXPLAINED]
    assert found.differences[0].what == "BUY 1 (a reason) in other, none in one"


def test_when_both_hold_the_same_again_differences_stand_alone_again() -> None:
    run = Run("other").buy(9).sell(12, price="99").buy(20)
    assert causes(compared(run)) == [Cause.UNEXPLAINED, Cause.FOLLOWS, Cause.UNEXPLAINED]


def test_delays_are_told_and_a_record_survives_a_file() -> None:
    record = honest("one").record()
    assert latencies(record) == {"median_ms": 20.0, "most_ms": 20.0}
    assert latencies(Run("none").record()) is None
    again = msgspec.json.decode(msgspec.json.encode(record), type=Record)
    assert again == record
    assert compare(record, again).differences == []


def guarded(label: str, clock: int | None = None, price: str = "99") -> Run:
    """A run with a stop that is placed with the fill and triggered later, stamped by another clock where one is given."""
    run = Run(label).buy(1)
    run.sell(clock or 1, price=price, delay_ms=0 if clock else 3 * MINUTE, reason="stop loss")
    return run.buy(9).sell(clock or 9, price="98", delay_ms=0 if clock else MINUTE, reason="stop loss").buy(20)


def test_orders_that_no_candle_decided_on_are_matched_by_what_they_are_whatever_their_clock() -> None:
    found = compared(guarded("other", clock=900_000), guarded("one"))
    assert (found.differences, found.orders, found.fills) == ([], 5, 5)


def test_differences_of_such_orders_are_told_at_the_time_of_the_market() -> None:
    found = compared(guarded("one"), guarded("other", clock=900_000, price="97"))
    assert len(found.differences) == 1
    assert found.differences[0].time_ms < 9 * MINUTE
    assert found.differences[0].quote == Decimal(-2)


def test_a_stop_that_only_one_run_placed_is_not_matched_with_the_next_one() -> None:
    missing = Run("other").buy(1).buy(9).sell(900_000, price="98", delay_ms=0, reason="stop loss").buy(20)
    assert causes(compared(missing, guarded("one")))[0] is Cause.UNEXPLAINED
    assert "(stop loss) in one, none in other" in compared(missing, guarded("one")).differences[0].what
