"""An address that others use up: on made-up time, against the counts that the emulator keeps, one of ours hears of it."""

import asyncio
from collections import Counter, defaultdict
from random import Random

import pytest

from bot.binance.endpoints import Priority
from bot.binance.errors import Throttled
from bot.binance.limits import WeightBank
from bot.emulator.limits import Bounds
from bot.emulator.limits import WeightBank as Host
from bot.emulator.refusals import ApiError
from bot.proof.loop import VirtualLoop

MINUTES = 3
WORK = (
    (Priority.HISTORY, 6, 2, 0.01),
    (Priority.QUERY, 6, 4, 0.05),
    (Priority.ORDER, 4, 1, 0.1),
    (Priority.CANCEL, 3, 1, 0.2),
)
"""Of each kind: how many ask at once, weight, seconds until the next."""
FREE = frozenset({Priority.ORDER, Priority.CANCEL})


class Address:
    """One address on a loop: a host that counts, a stranger who goes on until he is refused, and all that we ask."""

    def __init__(self, loop: VirtualLoop, seed: int, *, limit: int, stranger: float, round_trip_s: float) -> None:
        self.loop = loop
        self.lots = Random(seed)
        self.host = Host(Bounds(limit))
        self.bank = WeightBank(limit, monotonic=loop.time, wall=loop.wall)
        self.speed = stranger
        self.round_trip_s = round_trip_s
        self.ends_s = loop.time() + 60 * MINUTES
        self.told: dict[int, Counter[int]] = defaultdict(Counter)
        """How ours ended, by minute."""
        self.cancels_waited_s: list[float] = []

    def now_ms(self) -> int:
        return int(self.loop.wall() * 1000)

    async def run(self) -> None:
        ours = (self.asks(*each) for each in WORK for _ in range(each[1]))
        await asyncio.gather(self.stranger(), *ours)

    async def stranger(self) -> None:
        await asyncio.sleep(7)
        while self.loop.time() < self.ends_s:
            try:
                self.host.charge("address", 5, self.now_ms())
                await asyncio.sleep(5 / self.speed * self.lots.expovariate(1))
            except ApiError as error:
                await asyncio.sleep(int(error.headers["Retry-After"]))

    async def asks(self, priority: Priority, _crowd: int, weight: int, rest_s: float) -> None:
        while self.loop.time() < self.ends_s:
            try:
                await self.ask(priority, weight)
            except Throttled as error:
                await asyncio.sleep(min(error.wait_s, 1.0))
            await asyncio.sleep(rest_s * self.lots.uniform(0.5, 1.5))

    async def ask(self, priority: Priority, weight: int) -> None:
        wished_s = self.loop.time()
        ticket = await self.bank.admit(weight, priority)
        if priority is Priority.CANCEL:
            self.cancels_waited_s.append(self.loop.time() - wished_s)
        await self.half_way()
        status, wait_s, count = self.arrive(weight, is_free=priority in FREE)
        await self.half_way()
        self.bank.settle(ticket, told=count, is_free=priority in FREE and status == 200)
        if wait_s:
            self.bank.block(wait_s)

    def arrive(self, weight: int, *, is_free: bool) -> tuple[int, int, int]:
        """Give the status, the seconds to wait and the count that the host tells."""
        now_ms, status, wait_s = self.now_ms(), 200, 0
        try:
            self.host.charge("address", weight, now_ms)
            if is_free:
                self.host.refund("address", weight, now_ms)
        except ApiError as error:
            status, wait_s = error.status, int(error.headers["Retry-After"])
        self.told[now_ms // 60_000][status] += 1
        return status, wait_s, self.host.used("address", now_ms)

    async def half_way(self) -> None:
        await asyncio.sleep(self.round_trip_s * self.lots.uniform(0.3, 0.7))


@pytest.mark.parametrize("round_trip_s", [0.01, 0.1, 0.25])
@pytest.mark.parametrize(("limit", "stranger"), [(6000, 100), (6000, 2000), (2400, 500), (1200, 20), (1200, 500)])
def test_when_others_use_the_limit_up_at_most_one_of_ours_hears_so_and_cancels_never_wait(
    limit: int, stranger: float, round_trip_s: float
) -> None:
    loop = VirtualLoop(seed=1)
    address = Address(loop, 1, limit=limit, stranger=stranger, round_trip_s=round_trip_s)
    try:
        loop.run_until_complete(address.run())
    finally:
        loop.bury()
    refused = [minute[429] for minute in address.told.values()]
    assert sum(refused) == pytest.approx(MINUTES, abs=MINUTES), "nobody used the limit up"
    assert max(refused) <= 1
    assert not any(minute[418] for minute in address.told.values())
    assert max(address.cancels_waited_s) < 1.0
    assert len(address.cancels_waited_s) > 50


async def gives_up(host: Host, bank: WeightBank, loop: VirtualLoop, moves_s: float, told: Counter[int]) -> None:
    """Ask over a line that stands still until `moves_s`, and give up after 15 s as orders do."""

    def arrive() -> None:
        try:
            host.charge("address", 1, int(loop.wall() * 1000))
        except ApiError as error:
            told[error.status] += 1

    ticket = await bank.admit(1, Priority.ORDER)
    ticket.lane.is_out = True
    loop.call_at(max(moves_s, loop.time()), arrive)
    await asyncio.sleep(15)
    bank.settle(ticket)


def test_a_line_that_stood_still_and_delivers_all_at_once_when_the_limit_is_used_up_draws_no_ban() -> None:
    loop = VirtualLoop(seed=1)
    host, told = Host(Bounds(1_200)), Counter[int]()
    bank = WeightBank(1_200, monotonic=loop.time, wall=loop.wall)
    bank.learn(0)

    async def scene() -> None:
        began = loop.time()
        asked = []
        for _ in range(100):
            asked.append(asyncio.create_task(gives_up(host, bank, loop, began + 17, told)))
            await asyncio.sleep(0.16)
        host.hold_up("address", 30, int(loop.wall() * 1000))
        await asyncio.sleep(began + 18 - loop.time())
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)

    try:
        loop.run_until_complete(scene())
    finally:
        loop.bury()
    assert 1 < told[429] <= 10
    assert not told[418]
