"""The weight bank: Binance never has to say it twice, not even to the next start."""

import asyncio
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
        self.set_by = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def times() -> Times:
    return Times()


@pytest.fixture
def bank(times: Times) -> WeightBank:
    return WeightBank(100, monotonic=times, wall=times, patience_s=0.0)


async def test_history_stops_first_then_queries_and_orders_last(bank: WeightBank) -> None:
    bank.learn(60)
    assert bank.wait_s(1, Priority.HISTORY) > 0
    bank.settle(await bank.admit(30, Priority.QUERY))
    assert bank.wait_s(1, Priority.QUERY) > 0
    bank.settle(await bank.admit(7, Priority.ORDER))
    with pytest.raises(Throttled, match="nothing was sent"):
        await bank.admit(1, Priority.ORDER)
    bank.settle(await bank.admit(2, Priority.STOP))
    with pytest.raises(Throttled):
        await bank.admit(1, Priority.STOP)
    await bank.admit(1, Priority.CANCEL)


async def test_the_next_minute_starts_empty(bank: WeightBank, times: Times) -> None:
    bank.settle(await bank.admit(97, Priority.ORDER))
    times.now += 59.9
    assert bank.wait_s(1, Priority.ORDER) == pytest.approx(0.1)
    times.now += 0.2
    assert bank.used == 0
    await bank.admit(60, Priority.HISTORY)


def test_what_others_used_is_learned_from_the_reply(bank: WeightBank) -> None:
    bank.learn(42)
    bank.learn(40)
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
    first, second = await bank.admit(5, Priority.ORDER), await bank.admit(7, Priority.ORDER)
    bank.settle(first, is_free=True)
    assert bank.used == 7
    bank.settle(second, told=20)
    assert bank.used == 20


async def test_what_only_waits_for_answers_under_way_goes_as_soon_as_they_are_there(bank: WeightBank) -> None:
    bank.learn(97)
    going = [asyncio.create_task(bank.admit(1, Priority.CANCEL)) for _ in range(6)]
    for each in going:
        bank.settle(await asyncio.wait_for(each, 30), is_free=True)
    assert bank.used == 97


async def test_fewer_go_at_once_when_little_is_left(bank: WeightBank) -> None:
    bank.learn(85)
    going = [asyncio.create_task(bank.admit(0, Priority.QUERY)) for _ in range(5)]
    await asyncio.sleep(0)
    assert bank.on_their_way == 1
    for each in going:
        bank.settle(await asyncio.wait_for(each, 30))


async def test_one_goes_ahead_until_the_host_told_what_is_used_at_the_start_and_after_each_wait(
    bank: WeightBank, times: Times
) -> None:
    for told in (10, 20):
        going = [asyncio.create_task(bank.admit(0, Priority.QUERY)) for _ in range(4)]
        await asyncio.sleep(0)
        assert bank.on_their_way == 1
        bank.settle(await going[0], told=told)
        tickets = await asyncio.gather(*going[1:])
        assert bank.on_their_way == 3
        for ticket in tickets:
            bank.settle(ticket)
        bank.block(5)
        with pytest.raises(Throttled):
            await bank.admit(0, Priority.ORDER)
        times.now += 5


async def test_ours_go_one_at_a_time_while_others_may_use_up_what_is_left(bank: WeightBank, times: Times) -> None:
    bank.learn(0)
    times.now += 1
    bank.learn(40)  # of 100 in a second: by the time that the next one arrives it may be 80, by the one after it, 100
    first = await bank.admit(0, Priority.QUERY)
    times.now += 0.6
    second = asyncio.create_task(bank.admit(0, Priority.QUERY))
    await asyncio.sleep(0)
    assert bank.on_their_way == 1
    bank.settle(first, told=41)  # they are not that quick any more
    await asyncio.wait_for(second, 30)


async def test_each_pool_has_a_limit_of_its_own(bank: WeightBank, times: Times) -> None:
    for _ in range(300):
        bank.settle(await bank.admit(1, Priority.HISTORY, Pool.FUNDING))
    assert bank.wait_s(1, Priority.HISTORY, Pool.FUNDING) == 300 - times.now % 300
    assert bank.wait_s(1, Priority.HISTORY) == 0


def test_the_end_of_the_weight_is_forecast(bank: WeightBank, times: Times) -> None:
    assert bank.forecast().exhausted_in_s is None
    times.now += 20
    bank.learn(80)
    told = bank.forecast()
    assert (told.used, told.limit, told.exhausted_in_s) == (80, 100, pytest.approx(5.0))
    bank.set_limits([UsedLimit("REQUEST_WEIGHT", "MINUTE", 1, 6000), UsedLimit("RAW_REQUESTS", "MINUTE", 5, 9)])
    assert bank.forecast().exhausted_in_s is None


def a_note(path: Path, times: Times, start: str = "this start") -> BanNote:
    """Give the note as one process has it; the machine has run for 1,000 s less than the wall clock tells."""
    return BanNote(path, wall=times, since_start=lambda: times.now - times.set_by - 1_000, start=start)


@pytest.mark.parametrize("told", [7.0, 600.0])
def test_a_wait_is_known_to_other_processes_and_to_the_next_start(times: Times, tmp_path: Path, told: float) -> None:
    path = tmp_path / "bans" / "production-spot"
    first, second = (WeightBank(note=a_note(path, times), monotonic=lambda: 5.0, wall=times) for _ in range(2))
    assert second.banned_s == 0
    first.block(told)
    first.block(told - 5)
    later = WeightBank(note=a_note(path, times), monotonic=lambda: 1.0, wall=times)
    reborn = WeightBank(note=a_note(path, times, "the next start of the machine"), monotonic=lambda: 0.0, wall=times)
    assert second.banned_s == later.banned_s == reborn.banned_s == pytest.approx(told)
    times.now += told - 1
    assert later.wait_s(0, Priority.CANCEL) == pytest.approx(1, abs=0.01)
    times.now += 1
    assert later.banned_s == pytest.approx(0, abs=0.01)
    assert [each.name for each in path.parent.iterdir()] == ["production-spot"]


@pytest.mark.parametrize("set_by", [3600.0, -3600.0])
def test_a_clock_that_is_set_neither_shortens_nor_lengthens_a_wait(times: Times, tmp_path: Path, set_by: float) -> None:
    a_note(tmp_path / "note", times).extend(600)
    times.set_by = set_by
    times.now += set_by + 10
    assert a_note(tmp_path / "note", times).left_s() == pytest.approx(590, abs=0.01)


@pytest.mark.parametrize("text", ["", "nonsense", "1 2 3 4", "nan nan", "inf 5", "-5 5 x", "99999999999999 5"])
def test_a_damaged_note_bans_nobody(tmp_path: Path, text: str) -> None:
    path = tmp_path / "note"
    path.write_text(text)
    assert BanNote(path).left_s() <= 0


def test_a_note_that_cannot_be_written_harms_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    note = BanNote(tmp_path / "file" / "note")
    note.extend(600)
    assert note.left_s() <= 0


async def test_no_more_go_at_once_than_a_host_puts_up_with_once_it_said_enough(bank: WeightBank) -> None:
    bank.learn(0)
    going = [asyncio.create_task(bank.admit(0, Priority.QUERY)) for _ in range(30)]
    await asyncio.sleep(0)
    out = [each for each in going if each.done()]
    assert len(out) == bank.on_their_way == 6
    bank.block(60)  # what one of them was told
    for each in out:
        bank.settle(each.result())
    ended = await asyncio.gather(*going, return_exceptions=True)
    assert sum(isinstance(each, Throttled) for each in ended) == 24


async def test_windows_turn_by_the_hosts_clock_once_it_is_known(bank: WeightBank, times: Times) -> None:
    # 60,000 s is the beginning of a minute by this machine, which is two seconds ahead.
    bank.learn_time(59_998_000)
    bank.learn(90)
    assert bank.wait_s(1, Priority.QUERY) == pytest.approx(2.0)
    times.now += 1.9
    assert bank.used == 90
    bank.learn_time(59_999_000)  # told long ago, and a slow way since
    assert bank.wait_s(1, Priority.QUERY) == pytest.approx(0.1, abs=0.01)
    times.now += 0.2
    assert bank.used == 0


async def test_the_refusal_of_a_connection_holds_for_all(bank: WeightBank) -> None:
    with pytest.raises(Throttled):
        async with bank.opening():
            raise Throttled("closed", 30.0)
    assert bank.banned_s == pytest.approx(30)
    with pytest.raises(Throttled, match="nothing was sent"):
        async with bank.opening():
            pytest.fail("nothing may be opened")


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
