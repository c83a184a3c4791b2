"""Limits, bans and clocks that are off, switched on over the control port: what was refused is not asked for again."""

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.binance.bans import BanNote
from bot.binance.client import OrderPath
from bot.binance.endpoints import Pool, Priority
from bot.binance.errors import Throttled
from bot.binance.limits import LIMITS, Ticket, WeightBank
from bot.domain.market import Market
from bot.domain.order import OrderStatus
from bot.emulator.unverified import Unverified

from .conftest import PATHS
from .scene import PATIENCE, Desk, Scene, a_scene, an_order, until

NEW, VOID, UNKNOWN, REJECTED = OrderStatus.NEW, OrderStatus.VOID, OrderStatus.UNKNOWN, OrderStatus.REJECTED
BAN_S = 600
STERN = Unverified(refusals_before_ban=0)
"""One request in spite of a 429, and the address is banned."""


async def ends(desk: Desk, name: str) -> list[OrderStatus]:
    """Place an order, and give where it has been once its place is known."""
    order = an_order(desk.scene, name)
    await desk.place(order)
    await until(lambda: desk.statuses(order))
    return desk.statuses(order)


async def test_a_ban_holds_every_account_and_process_of_this_machine_until_it_is_over(
    scene: Scene, tmp_path: Path
) -> None:
    note = tmp_path / "limits" / "ban"
    banks = [scene.bank(note) for _ in range(2)]
    ours, others = [await Desk(scene, account=number, bank=bank).open() for number, bank in enumerate(banks)]
    await scene.order_fault("ban", retry_after_s=BAN_S)
    assert await ends(ours, "a") == [VOID]
    asked = len(await scene.truth("request"))
    for desk in (ours, others):
        assert await ends(desk, "b") == [VOID]
        with pytest.raises(Throttled, match="nothing was sent"):
            await desk.broker._client.trades_of("BTCUSDT", 1)
    assert len(await scene.truth("request")) == asked
    assert scene.bank(note).banned_s == pytest.approx(BAN_S, abs=60)
    assert in_another_process(note) == pytest.approx(BAN_S, abs=60)
    scene.wall.ahead_s += BAN_S + 1
    await scene.pass_time(1000 * (BAN_S + 1))
    assert await ends(ours, "c") == await ends(others, "c") == [NEW]
    assert await scene.orders() == ["c", "c"]
    assert next(iter((await scene.control("GET", "/_limits"))[scene.face].values()))["bans"] == 1


def in_another_process(note: Path) -> float:
    """Give the seconds that a process of its own would wait."""
    code = (
        "import sys; from pathlib import Path; from bot.binance.bans import BanNote; from bot.binance.limits import"
        " WeightBank; print(WeightBank(note=BanNote(Path(sys.argv[1]))).banned_s)"
    )
    return float(python(code, str(note)).communicate()[0])


def python(code: str, *arguments: str) -> subprocess.Popen[str]:
    source = Path(__file__).parents[3] / "src"
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": str(source)}
    )


def test_of_bans_that_processes_note_at_the_same_time_the_longest_stays(tmp_path: Path) -> None:
    note, code = tmp_path / "ban", (
        "import sys, time; from pathlib import Path; from bot.binance.bans import BanNote\n"
        "for number in range(int(sys.argv[2]), 600, 3): BanNote(Path(sys.argv[1])).extend(600 + number)"
    )  # fmt: skip
    writers = [python(code, str(note), str(number)) for number in range(3)]
    assert [writer.communicate() and writer.returncode for writer in writers] == [0, 0, 0]
    assert BanNote(note).left_s() == pytest.approx(1_199, abs=60)
    assert [each.name for each in tmp_path.iterdir()] == ["ban"]


class Counting(WeightBank):
    """A bank that counts what it held back."""

    held = 0

    async def admit(self, weight: int, priority: Priority, pool: Pool = Pool.MARKET) -> Ticket:
        try:
            return await super().admit(weight, priority, pool)
        except Throttled:
            self.held += 1
            raise


@pytest.mark.parametrize("scene_of", PATHS, ids=["-".join(each) for each in PATHS])
async def test_after_a_429_nothing_goes_out_not_even_a_connection(scene_of: tuple[Market, OrderPath]) -> None:
    async with a_scene(*scene_of, settings=STERN) as scene:
        bank = Counting(LIMITS[scene.market], wall=scene.wall, monotonic=scene.wall)
        desk = await Desk(scene, bank=bank).open()
        await scene.order_fault("limit", retry_after_s=BAN_S)
        assert await ends(desk, "first") == [VOID]
        held = bank.held
        assert [await ends(desk, f"o-{number}") for number in range(5)] == [[VOID]] * 5
        await scene.control("POST", "/_connections", {"face": scene.face})
        await until(lambda: bank.held >= held + 5 + 3)
        assert len(await scene.posts()) == 1
        (address,) = (await scene.control("GET", "/_limits"))[scene.face].values()
        assert address["bans"] == 0
        scene.wall.ahead_s += BAN_S + 1
        await scene.pass_time(1000 * (BAN_S + 1))
        assert await ends(desk, "later") == [NEW]


async def test_too_many_orders_hold_back_their_own_account_alone(scene: Scene) -> None:
    bank = scene.bank()
    ours, others = [await Desk(scene, account=number, bank=bank).open() for number in range(2)]
    await scene.order_fault("error", code=-1015, status=429, accept=False, retry_after_s=30)
    assert await ends(ours, "a") == await ends(ours, "b") == [VOID]
    assert await ends(others, "c") == [NEW]
    assert len(await scene.posts()) == 2


@pytest.mark.parametrize("ahead_ms", [20_000, -20_000])
async def test_a_clock_that_is_off_costs_one_refusal_and_is_set(scene: Scene, ahead_ms: int) -> None:
    desk = await Desk(scene).open()
    before = scene.clock.now_ms()
    await scene.control("POST", "/_clock", {"advance_ms": ahead_ms})
    order = an_order(scene)
    await desk.place(order)
    assert (await desk.hears(order, REJECTED)).code == -1021
    await until(lambda: abs(scene.clock.now_ms() - before - ahead_ms) < 15_000)
    assert await ends(desk, "b") == [NEW]
    assert await scene.orders() == ["b"]


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ("error", {"code": -1021, "status": 400}), ("error", {"code": -1000, "status": 500}),
        ("error", {"code": -2013, "status": 400}), ("error", {"code": -2011, "status": 400}), ("bad_gateway", {}),
        ("drop_request", {}), ("drop_reply", {}), ("truncated_body", {}), ("empty_body", {}), ("unknown_enum", {}),
        ("unknown_enum", {"field": "clientOrderId", "value": "of-another"}),
    ],
)  # fmt: skip
async def test_a_question_that_goes_wrong_proves_nothing(market_scene: Scene, kind: str, rule: dict[str, Any]) -> None:
    desk = await Desk(market_scene, patience=replace(PATIENCE, poll_max_s=0.05)).open()
    await market_scene.mute_user_events()
    await market_scene.order_fault("drop_reply")
    path = {Market.SPOT: "/api/v3/order", Market.FUTURES: "/fapi/v1/order"}[market_scene.market]
    asking = await market_scene.fault(kind, path=path, count=4, **rule)
    order = an_order(market_scene)
    await desk.place(order)
    await desk.hears(order, NEW)
    assert desk.statuses(order) == [UNKNOWN, NEW]
    assert await market_scene.hits(asking) == 4
    assert (len(await market_scene.posts()), await market_scene.orders()) == (1, ["a"])


async def test_a_burst_of_orders_with_every_reply_lost_makes_no_order_twice(scene: Scene) -> None:
    desk = await Desk(scene).open()
    await scene.order_fault("drop_reply", count=None, script="x.")
    orders = [an_order(scene, f"o-{number}") for number in range(12)]
    await asyncio.gather(*(desk.place(order) for order in orders))
    for order in orders:
        await desk.hears(order, NEW)
    assert sorted(await scene.orders()) == sorted(order.client_order_id for order in orders)
    assert len(await scene.posts()) == 12
