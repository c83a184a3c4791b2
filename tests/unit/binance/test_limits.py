"""The weight bank: Binance never has to say it twice, not even to the next start."""

from pathlib import Path

import pytest

from bot.binance.bans import BanNote
from bot.binance.endpoints import Pool, Priority
from bot.binance.errors import Throttled
from bot.binance.limits import OrderCounts, WeightBank, told_wait_s, told_weight
from bot.binance.wire import UsedLimit
from bot.domain.market import Market


class Times:
    """Wall and monotonic clocks held by the test."""

    def __init__(self) -> None:
        self.now = 60_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def times() -> Times:
    return Times()


@pytest.fixture
def bank(times: Times) -> WeightBank:
    return WeightBank(100, monotonic=times, wall=times, patience_s=0.0)


async def test_history_stops_first_then_queries_and_orders_last(bank: WeightBank) -> None:
    bank.settle(0, told=60)
    assert bank.wait_s(1, Priority.HISTORY) > 0
    await bank.admit(30, Priority.QUERY)
    assert bank.wait_s(1, Priority.QUERY) > 0
    await bank.admit(7, Priority.ORDER)
    with pytest.raises(Throttled, match="nothing was sent"):
        await bank.admit(1, Priority.ORDER)
    await bank.admit(2, Priority.STOP)
    with pytest.raises(Throttled):
        await bank.admit(1, Priority.STOP)
    await bank.admit(1, Priority.CANCEL)


async def test_the_next_minute_starts_empty(bank: WeightBank, times: Times) -> None:
    await bank.admit(97, Priority.ORDER)
    bank.settle(97)
    times.now += 59.9
    assert bank.wait_s(1, Priority.ORDER) == pytest.approx(0.1)
    times.now += 0.2
    assert bank.used == 0
    await bank.admit(60, Priority.HISTORY)


def test_what_others_used_is_learned_from_the_reply(bank: WeightBank) -> None:
    bank.settle(0, told=42)
    bank.settle(0, told=40)
    assert told_weight({"x-mbx-used-weight-1m": "42"}) == 42
    assert told_weight({"x-mbx-used-weight-1m": "nonsense"}) is None
    assert bank.used == 42


@pytest.mark.parametrize(("status", "header", "wait"), [(429, "7", 7.0), (418, "180", 180.0), (418, "", 120.0)])
def test_nothing_goes_out_until_the_ban_is_over(
    bank: WeightBank, times: Times, status: int, header: str, wait: float
) -> None:
    assert told_wait_s(status, {"Retry-After": header}) == wait
    bank.block(wait)
    times.now += wait - 0.5
    assert bank.wait_s(0, Priority.ORDER) == pytest.approx(0.5)
    times.now += 0.5
    assert bank.wait_s(0, Priority.ORDER) == 0


async def test_what_succeeds_for_free_is_given_back_and_what_is_under_way_is_kept_apart(bank: WeightBank) -> None:
    await bank.admit(5, Priority.ORDER)
    await bank.admit(7, Priority.ORDER)
    bank.settle(5, is_free=True)
    assert bank.used == 7
    bank.settle(7, told=20)
    assert bank.used == 20


async def test_each_pool_has_a_limit_of_its_own(bank: WeightBank, times: Times) -> None:
    for _ in range(300):
        await bank.admit(1, Priority.HISTORY, Pool.FUNDING)
    assert bank.wait_s(1, Priority.HISTORY, Pool.FUNDING) == 300 - times.now % 300
    assert bank.wait_s(1, Priority.HISTORY) == 0


def test_the_end_of_the_weight_is_forecast(bank: WeightBank, times: Times) -> None:
    assert bank.forecast().exhausted_in_s is None
    times.now += 20
    bank.settle(0, told=80)
    told = bank.forecast()
    assert (told.used, told.limit, told.exhausted_in_s) == (80, 100, pytest.approx(5.0))
    bank.set_limits([UsedLimit("REQUEST_WEIGHT", "MINUTE", 1, 6000), UsedLimit("RAW_REQUESTS", "MINUTE", 5, 9)])
    assert bank.forecast().exhausted_in_s is None


def test_a_ban_is_seen_by_other_processes_and_by_the_next_start(times: Times, tmp_path: Path) -> None:
    path = tmp_path / "bans" / "production-spot"
    first, second = (WeightBank(note=BanNote(path), monotonic=lambda: 5.0, wall=times) for _ in range(2))
    assert second.banned_s == 0
    first.block(600)
    first.block(7)
    later = WeightBank(note=BanNote(path), monotonic=lambda: 1.0, wall=times)
    assert second.banned_s == later.banned_s == pytest.approx(600)
    times.now += 599
    assert later.wait_s(0, Priority.CANCEL) == pytest.approx(1)
    times.now += 1
    assert later.banned_s == 0
    assert [each.name for each in path.parent.iterdir()] == ["production-spot"]


@pytest.mark.parametrize("text", ["", "nonsense", "nan", "inf", "-5", "99999999999999"])
def test_a_damaged_note_bans_nobody(tmp_path: Path, text: str) -> None:
    path = tmp_path / "note"
    path.write_text(text)
    assert BanNote(path).until() == 0


def test_a_note_that_cannot_be_written_harms_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    note = BanNote(tmp_path / "file" / "note")
    note.extend(5e9)
    assert note.until() == 0


def test_orders_are_counted_by_account_and_entries_leave_room_for_stops(times: Times) -> None:
    counts = OrderCounts(Market.SPOT, wall=times)
    counts.set_limits([UsedLimit("ORDERS", "SECOND", 10, 10), UsedLimit("ORDERS", "SECOND", 5, 1)])
    counts.admit(9, Priority.ORDER)
    with pytest.raises(Throttled, match="nothing was sent"):
        counts.admit(1, Priority.ORDER)
    counts.admit(1, Priority.STOP)
    counts.admit(0, Priority.CANCEL)
    counts.settle(9, {"x-mbx-order-count-10s": "9", "x-mbx-order-count-1d": "400"})
    counts.settle(1, {})
    assert counts.wait_s(1, Priority.STOP) == 10
    times.now += 10
    assert counts.wait_s(1, Priority.ORDER) == 0
    counts.block(3)
    assert counts.wait_s(1, Priority.STOP) == pytest.approx(3)
    assert counts.wait_s(0, Priority.CANCEL) == 0
