"""Exchange time: the median of several looks, on a clock that never jumps."""

import time

from bot.binance.clock import ExchangeClock, LocalClock


class Stopwatch:
    """A monotonic clock held by the test."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


async def test_one_slow_answer_does_not_move_the_clock() -> None:
    watch = Stopwatch()
    delays = iter([0.010, 0.010, 2.0, 0.010, 0.010])

    async def ask() -> int:
        # All of the delay is on the way back: the worst case for the middle.
        server_ms = int(watch.seconds * 1000) + 5_000
        watch.seconds += next(delays)
        return server_ms

    clock = ExchangeClock(ask, monotonic=watch)
    await clock.sync()
    assert abs(clock.now_ms() - (watch.seconds * 1000 + 5_000)) <= 6


async def test_between_looks_time_goes_on_by_the_monotonic_clock() -> None:
    watch = Stopwatch()

    async def ask() -> int:
        return 1_790_000_000_000

    clock = ExchangeClock(ask, looks=1, monotonic=watch)
    await clock.sync()
    assert clock.now_ms() == 1_790_000_000_000
    watch.seconds += 1.5
    assert clock.now_ms() == 1_790_000_001_500
    assert clock.monotonic() == 101.5


async def test_an_accelerated_exchange_is_followed_at_its_speed() -> None:
    watch = Stopwatch()

    async def ask() -> int:
        return 1_790_000_000_000

    clock = ExchangeClock(ask, looks=1, speed=60.0, monotonic=watch)
    await clock.sync()
    watch.seconds += 1
    assert clock.now_ms() == 1_790_000_060_000


def test_before_the_first_look_the_machine_is_believed() -> None:
    async def ask() -> int:
        return 0

    assert abs(ExchangeClock(ask).now_ms() - time.time() * 1000) < 1000
    assert abs(LocalClock().now_ms() - time.time() * 1000) < 1000
