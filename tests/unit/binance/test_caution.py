"""Caution: a clock that jumped is set before anything is signed, and what cannot be mended is a doubt."""

import pytest

from bot.binance.caution import Caution
from bot.binance.clock import ExchangeClock
from bot.binance.errors import ClockOff
from bot.domain.errors import Misconfigured, Unavailable


class Machine:
    """A machine with two clocks, an exchange that tells the time, and whoever hears of doubts."""

    def __init__(self) -> None:
        self.wall_s, self.monotonic_s = 1_000.0, 10.0
        self.looks = 0
        self.is_reachable = True
        self.doubts: dict[str, str] = {}
        self.settled: list[str] = []
        self.halted = ""
        self.clock = ExchangeClock(self._ask, looks=1, monotonic=lambda: self.monotonic_s, wall=lambda: self.wall_s)
        self.caution = Caution(self.clock)
        self.caution.doubts = self

    async def _ask(self) -> int:
        if not self.is_reachable:
            raise Unavailable("cannot reach it")
        self.looks += 1
        return 5_000_000

    def doubt(self, name: str, reason: str) -> None:
        self.doubts[name] = reason

    def settle(self, name: str) -> None:
        self.doubts.pop(name, None)
        self.settled.append(name)

    def halt(self, reason: str) -> None:
        self.halted = reason

    async def request(self, error: Exception | None = None) -> None:
        async with self.caution:
            if error is not None:
                raise error


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.mark.parametrize(("jump_s", "looks"), [(0.4, 0), (0.6, 1), (-3600.0, 1)])
async def test_a_clock_that_jumped_is_set_before_the_next_request(machine: Machine, jump_s: float, looks: int) -> None:
    machine.wall_s += jump_s
    await machine.request()
    await machine.request()
    assert machine.looks == looks


async def test_a_machine_that_slept_knows_that_its_clock_stood_still(machine: Machine) -> None:
    await machine.request()
    machine.wall_s += 600.0
    await machine.request()
    assert machine.clock.now_ms() == 5_000_000


async def test_a_clock_that_cannot_be_set_is_in_doubt_until_it_is(machine: Machine) -> None:
    machine.wall_s += 5.0
    machine.is_reachable = False
    with pytest.raises(Unavailable):
        await machine.request()
    assert "does not tell its time" in machine.doubts["clock"]
    machine.is_reachable = True
    await machine.request()
    assert (machine.doubts, machine.settled) == ({}, ["clock"])


async def test_being_refused_for_the_time_twice_in_a_row_is_a_doubt_and_once_is_none(machine: Machine) -> None:
    off = ClockOff("Timestamp for this request is outside of the recvWindow.", -1021)
    with pytest.raises(ClockOff):
        await machine.request(off)
    await machine.request()
    with pytest.raises(ClockOff):
        await machine.request(off)
    assert not machine.doubts
    with pytest.raises(ClockOff):
        await machine.request(off)
    assert "off all the same" in machine.doubts["clock"]
    await machine.request()
    assert not machine.doubts
    assert machine.looks == 3


async def test_a_key_that_is_refused_halts_the_account_until_something_is_let_in(machine: Machine) -> None:
    with pytest.raises(Misconfigured):
        await machine.request(Misconfigured("store the key again"))
    assert machine.halted == "store the key again"
    assert machine.caution.is_refused
    await machine.request()
    assert not machine.caution.is_refused


async def test_nobody_need_listen(machine: Machine) -> None:
    machine.caution.doubts = None
    machine.caution.lost()
    machine.caution.puzzled("odd")
    with pytest.raises(Misconfigured):
        await machine.request(Misconfigured("store the key again"))
    assert not machine.doubts
