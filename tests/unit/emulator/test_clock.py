import time

from bot.emulator.clock import Clock


def real_ms() -> int:
    return time.time_ns() // 1_000_000


def test_an_untouched_clock_shows_real_time() -> None:
    before = real_ms()
    assert before <= Clock().now_ms <= real_ms()


def test_a_clock_that_was_set_runs_on_from_there_and_tells_of_the_jump() -> None:
    clock, jumps = Clock(), list[int]()
    clock.on_jump(lambda: jumps.append(clock.now_ms))
    clock.set(1_000_000)
    assert len(jumps) == 1
    assert 1_000_000 <= clock.now_ms < 1_060_000


def test_a_stopped_clock_stands_and_a_fast_one_hurries() -> None:
    clock = Clock()
    clock.set(5_000)
    clock.run_at(0)
    stands = clock.now_ms
    assert (clock.rate, clock.now_ms) == (0, stands)
    clock.run_at(1_000_000)
    while clock.now_ms < stands + 60_000:
        pass
    assert clock.rate == 1_000_000


def test_a_clock_may_follow_another_until_it_is_set() -> None:
    clock, market = Clock(), [7]
    clock.follow(lambda: market[0])
    market[0] = 9
    assert clock.now_ms == 9
    clock.set(10**12)
    assert clock.now_ms >= 10**12
