"""The virtual loop: time is made up, turns are drawn, the dead get none."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextvars import copy_context
from typing import Any

import pytest

from bot.proof.loop import EPOCH_S, LIFE, STARTS_S, LoopClock, Stuck, VirtualLoop


@pytest.fixture
def run() -> Iterator[Callable[..., Any]]:
    """Run a coroutine on a loop of a seed; every loop is buried at the end."""
    loops: list[VirtualLoop] = []

    def on_a_loop(work: Callable[[], Coroutine[Any, Any, Any]], seed: int = 0) -> Any:
        loops.append(VirtualLoop(seed))
        return loops[-1].run_until_complete(work())

    yield on_a_loop
    for loop in loops:
        loop.bury()


def loop_now() -> VirtualLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    return loop


def test_waiting_costs_no_time_and_moves_the_clock(run: Callable[..., Any]) -> None:
    async def work() -> tuple[float, float, int]:
        await asyncio.sleep(86_400)
        loop = loop_now()
        return loop.time(), loop.wall(), LoopClock(loop).now_ms()

    day_later = STARTS_S + 86_400
    assert run(work) == (day_later, EPOCH_S + day_later, int((EPOCH_S + day_later) * 1000))


def test_a_limit_in_time_holds_and_timers_ring_in_order(run: Callable[..., Any]) -> None:
    async def work() -> list[str]:
        rang: list[str] = []
        loop_now().call_later(3, rang.append, "three")
        loop_now().call_later(1, rang.append, "one")
        loop_now().call_later(2, rang.append, "never").cancel()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await asyncio.Event().wait()
        return rang

    assert run(work) == ["one", "three"]


def order_of_turns(count: int) -> Callable[[], Coroutine[Any, Any, list[int]]]:
    async def work() -> list[int]:
        took: list[int] = []

        async def turn(number: int) -> None:
            for _ in range(3):
                await asyncio.sleep(0)
                took.append(number)

        async with asyncio.TaskGroup() as tasks:
            for number in range(count):
                tasks.create_task(turn(number))
        return took

    return work


def test_the_order_of_turns_is_the_seeds(run: Callable[..., Any]) -> None:
    orders = [run(order_of_turns(5), seed) for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]
    assert orders[0] != sorted(orders[0])


def test_what_is_cancelled_together_ends_in_the_seeds_order_whatever_its_address(run: Callable[..., Any]) -> None:
    async def work() -> list[int]:
        ended: list[int] = []

        async def wait(number: int) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(number)

        tasks = {asyncio.create_task(wait(number)) for number in range(20)}
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return ended

    assert run(work, 4) == run(work, 4)


def test_waiting_for_what_never_happens_is_found_out(run: Callable[..., Any]) -> None:
    async def work() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Stuck, match="never happen"):
        run(work)


def test_going_round_in_circles_is_found_out(run: Callable[..., Any]) -> None:
    async def work() -> None:
        while True:
            await asyncio.sleep(0)

    with pytest.raises(Stuck, match="stands still"):
        run(work)


def test_what_a_callback_raises_is_kept(run: Callable[..., Any]) -> None:
    def fall() -> None:
        raise ValueError("down")

    async def work() -> list[str]:
        loop_now().call_soon(fall)
        await asyncio.sleep(1)
        return loop_now().broken

    (broken,) = run(work)
    assert "ValueError('down')" in broken


class Process:
    """Something that counts its turns, starts helpers, and says goodbye when it is let."""

    def __init__(self) -> None:
        self.turns = 0
        self.has_said_goodbye = False

    async def live(self) -> None:
        helper = asyncio.create_task(self._help())
        try:
            await helper
        finally:
            self.has_said_goodbye = True

    async def _help(self) -> None:
        async for _ in self._ticks():
            self.turns += 1

    async def _ticks(self) -> AsyncIterator[None]:
        while True:
            yield
            await asyncio.sleep(1)


def born(process: Process, life: int) -> "asyncio.Task[None]":
    context = copy_context()
    context.run(LIFE.set, life)
    return loop_now().create_task(process.live(), context=context)


def test_a_life_that_ended_gets_no_turn_and_says_no_goodbye(run: Callable[..., Any]) -> None:
    killed, other = Process(), Process()

    async def work() -> tuple[int, int, bool]:
        tasks = [born(killed, 1), born(other, 2)]
        await asyncio.sleep(10.5)
        loop_now().end_life(1)
        for task in tasks:
            task.cancel()
        await asyncio.sleep(100)
        return killed.turns, other.turns, killed.has_said_goodbye

    assert run(work) == (11, 11, False)
    assert other.has_said_goodbye


def test_a_life_that_is_held_goes_on_where_it_stood(run: Callable[..., Any]) -> None:
    sleeper, other = Process(), Process()

    async def work() -> list[tuple[int, int]]:
        born(sleeper, 1)
        born(other, 2)
        await asyncio.sleep(10.5)
        loop_now().hold(1)
        await asyncio.sleep(20)
        turns = [(sleeper.turns, other.turns)]
        loop_now().let_go(1)
        await asyncio.sleep(4.8)
        return [*turns, (sleeper.turns, other.turns)]

    assert run(work) == [(11, 31), (16, 36)]
    assert not sleeper.has_said_goodbye


def test_a_doomed_life_ends_after_its_last_turns(run: Callable[..., Any]) -> None:
    process = Process()

    async def work() -> int:
        born(process, 1)
        ended = asyncio.Event()
        loop_now().doom(1, 9, ended.set)
        await ended.wait()
        turns = process.turns
        await asyncio.sleep(100)
        assert process.turns == turns
        return turns

    assert 0 < run(work) < 9
