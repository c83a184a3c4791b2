import asyncio

import pytest

from bot.emulator.clock import Clock
from bot.emulator.futures.deadlines import Deadlines


class Scene:
    """Deadlines on a clock, and what they called for."""

    def __init__(self, *, led: bool = False) -> None:
        self.clock, self.market_ms = Clock(), 1_000
        if led:
            self.clock.follow(lambda: self.market_ms)
        self.done: list[tuple[str, str, int]] = []
        self.dates: list[int] = []
        self.deadlines = Deadlines(self.clock, lambda *what: self.done.append(what), self.dates.append)


def test_a_led_clock_is_met_to_the_millisecond_and_the_earliest_comes_first() -> None:
    scene = Scene(led=True)
    scene.deadlines.set("ann", "B", 700)
    scene.deadlines.set("ann", "A", 500)
    scene.deadlines.set("bob", "A", 1)
    scene.deadlines.set("bob", "A", 0)
    scene.deadlines.meet(1_499)
    assert scene.done == []
    scene.deadlines.meet(60_000)
    assert scene.done == [("ann", "A", 1_500), ("ann", "B", 1_700)]


def test_a_date_is_met_once_however_many_orders_have_it() -> None:
    scene = Scene(led=True)
    for date_ms in (0, 3_000, 2_000, 3_000):
        scene.deadlines.set_date(date_ms)
    scene.deadlines.meet(1_999)
    assert scene.dates == []
    scene.deadlines.meet(3_000)
    scene.deadlines.meet(9_000)
    assert scene.dates == [2_000, 3_000]


async def test_the_real_clock_wakes_us_when_it_is_time() -> None:
    scene = Scene()
    began_ms = scene.clock.now_ms
    scene.deadlines.set("ann", "A", 60_000)
    scene.deadlines.set("ann", "A", 20)
    async with asyncio.timeout(10):
        while not scene.done:
            await asyncio.sleep(0.001)
    assert began_ms + 20 <= scene.done[0][2] <= scene.clock.now_ms


async def test_a_hurried_clock_wakes_us_sooner() -> None:
    scene = Scene()
    scene.deadlines.set("ann", "A", 3_600_000)
    scene.clock.run_at(3_600_000)
    async with asyncio.timeout(10):
        while not scene.done:
            await asyncio.sleep(0.001)
    assert scene.done[0][:2] == ("ann", "A")


@pytest.mark.parametrize("late_ms", [0, 1])
def test_a_jump_meets_what_was_due_in_between(late_ms: int) -> None:
    scene = Scene()
    scene.clock.run_at(0)
    scene.deadlines.set("ann", "A", 5_000)
    scene.clock.set(scene.clock.now_ms + 4_999)
    assert not scene.done
    scene.clock.set(scene.clock.now_ms + 1 + late_ms)
    assert scene.done
