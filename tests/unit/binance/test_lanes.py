"""Lanes: what is on its way at once is bounded, and what matters more goes first."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from bot.binance import lanes as module
from bot.binance.endpoints import Priority
from bot.binance.lanes import ARRIVES_S, AT_ONCE, FORGOTTEN_S, HURRY_S, MOST, Lane, Lanes
from bot.proof.loop import VirtualLoop


async def filled(lanes: Lanes, priority: Priority) -> list[Lane]:
    return [await lanes.enter(priority) for _ in range(AT_ONCE[priority])]


async def test_a_lane_is_kept_for_cancels_and_stops() -> None:
    lanes = Lanes()
    await filled(lanes, Priority.ORDER)
    entry = asyncio.create_task(lanes.enter(Priority.ORDER))
    await asyncio.sleep(0)
    # Whoever waits for something lesser does not hold up a cancel.
    await lanes.enter(Priority.CANCEL)
    assert not entry.done()
    entry.cancel()


async def test_the_important_are_let_in_first_then_those_who_came_first() -> None:
    lanes = Lanes()
    busy = [*await filled(lanes, Priority.ORDER), await lanes.enter(Priority.CANCEL)]
    order: list[str] = []

    async def wait(name: str, priority: Priority) -> None:
        await lanes.enter(priority)
        order.append(name)

    wishes = (("page 1", Priority.HISTORY), ("page 2", Priority.HISTORY), ("look", Priority.QUERY))
    tasks = [asyncio.create_task(wait(*wish)) for wish in (*wishes, ("cancel", Priority.CANCEL))]
    await asyncio.sleep(0)
    for lane in busy:
        lanes.leave(lane)
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert order == ["cancel", "look", "page 1", "page 2"]


async def test_who_gives_up_waiting_takes_no_lane() -> None:
    lanes = Lanes()
    busy = await filled(lanes, Priority.HISTORY)
    waiting = [asyncio.create_task(lanes.enter(Priority.HISTORY)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    lanes.leave(busy[0])
    waiting[1].cancel()  # in the moment between being let in and going
    await asyncio.gather(*waiting[:2], return_exceptions=True)
    await asyncio.wait_for(waiting[2], 30)
    assert lanes.busy == AT_ONCE[Priority.HISTORY]


async def test_a_request_without_an_answer_does_not_keep_its_lane_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FORGOTTEN_S", 0.02)
    lanes = Lanes()
    lost = await filled(lanes, Priority.HISTORY)
    await asyncio.wait_for(lanes.enter(Priority.HISTORY), 30)
    for lane in lost:
        lanes.leave(lane)
    assert lanes.busy <= 1


def in_made_up_time[T](work: Coroutine[Any, Any, T]) -> T:
    loop = VirtualLoop(1)
    try:
        return loop.run_until_complete(work)
    finally:
        loop.bury()


async def entered(lanes: Lanes, priority: Priority) -> float:
    """Give the seconds that it takes to be let in."""
    began = asyncio.get_running_loop().time()
    await lanes.enter(priority)
    return asyncio.get_running_loop().time() - began


def test_no_more_than_a_host_puts_up_with_may_still_arrive_however_long_ago_they_left() -> None:
    async def scene() -> None:
        lanes = Lanes()
        await filled(lanes, Priority.ORDER)
        more = [asyncio.create_task(entered(lanes, Priority.ORDER)) for _ in range(MOST)]
        await asyncio.sleep(ARRIVES_S - 1)
        assert sum(each.done() for each in more) == MOST - AT_ONCE[Priority.ORDER]
        assert await entered(lanes, Priority.CANCEL) == pytest.approx(HURRY_S, abs=0.05)  # (all the same)
        await asyncio.gather(*more)

    in_made_up_time(scene())


@pytest.mark.parametrize(("is_out", "waited_s"), [(True, ARRIVES_S), (False, 0.0)])
def test_what_left_and_was_given_up_counts_until_it_must_have_arrived(is_out: bool, waited_s: float) -> None:
    async def scene() -> float:
        lanes = Lanes()
        for _ in range(MOST):
            lane = await lanes.enter(Priority.QUERY)
            lane.is_out = is_out
            lanes.leave(lane)
        assert lanes.busy == 0
        return await entered(lanes, Priority.ORDER)

    assert in_made_up_time(scene()) == pytest.approx(waited_s, abs=0.05)


def test_an_answer_that_comes_late_makes_room_at_once() -> None:
    async def scene() -> float:
        lanes = Lanes()
        late = [await lanes.enter(Priority.QUERY) for _ in range(AT_ONCE[Priority.QUERY])]
        await asyncio.sleep(FORGOTTEN_S)
        late += [await lanes.enter(Priority.QUERY) for _ in range(MOST - len(late))]
        asyncio.get_running_loop().call_later(1.0, lanes.leave, late[0])
        return await entered(lanes, Priority.QUERY)

    assert in_made_up_time(scene()) == pytest.approx(1.0, abs=0.05)


async def test_where_it_is_risky_one_goes_at_a_time_and_a_cancel_next() -> None:
    lanes = Lanes(lambda: True)
    first = await lanes.enter(Priority.QUERY)
    waiting = [asyncio.create_task(lanes.enter(priority)) for priority in (Priority.QUERY, Priority.CANCEL)]
    await asyncio.sleep(0)
    assert lanes.busy == 1
    lanes.leave(first)
    lanes.leave(await waiting[1])
    await waiting[0]
    assert lanes.busy == 1


async def test_a_cancel_does_not_wait_long_for_one_whose_answer_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "HURRY_S", 0.02)
    lanes = Lanes(lambda: True)
    await lanes.enter(Priority.QUERY)
    order = asyncio.create_task(lanes.enter(Priority.ORDER))
    await asyncio.wait_for(lanes.enter(Priority.CANCEL), 1.5)  # (before the query is forgotten)
    assert lanes.busy == 2
    assert not order.done()
    order.cancel()
