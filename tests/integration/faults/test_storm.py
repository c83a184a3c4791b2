"""A storm of requests over one address: our own client never draws a 429, cancels overtake, and nothing draws a ban."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

import aiohttp
import pytest

from bot.binance.client import OrderPath, build_public
from bot.binance.endpoints import Priority
from bot.binance.errors import Throttled
from bot.binance.lanes import AT_ONCE
from bot.binance.limits import WeightBank
from bot.domain.errors import BotError
from bot.domain.market import Market, Stream
from bot.domain.order import OrderStatus
from bot.emulator.unverified import Unverified

from .scene import BTC, ORDER_PATH, Desk, Scene, a_scene, an_order, until

STERN = Unverified(refusals_before_ban=0)
"""One request in spite of a 429, and the address is banned."""
WEIGHT = 1_200
PAGES = 2_000
MINUTE = Stream(Market.SPOT, BTC, "1m")


async def statuses(scene: Scene) -> Counter[int]:
    """Count how requests ended."""
    return Counter(int(row["status"]) for row in await scene.truth("request"))


async def bans(scene: Scene) -> int:
    """Give how often anybody was banned."""
    return sum(one["bans"] for one in (await scene.control("GET", "/_limits"))[scene.face].values())


@pytest.mark.parametrize("path", OrderPath)
async def test_in_a_storm_of_our_own_no_429_comes_and_a_cancel_overtakes_two_thousand_pages(path: OrderPath) -> None:
    async with a_scene(Market.SPOT, path, settings=STERN, weight_per_minute=WEIGHT) as scene:
        bank = WeightBank(WEIGHT)
        desk = await Desk(scene, bank=bank).open()
        public = scene.closes(build_public(scene.hosts, bank))
        order = an_order(scene, "resting")
        await desk.place(order)
        await desk.hears(order, OrderStatus.NEW)
        pages = [asyncio.create_task(public.klines(MINUTE, limit=5)) for _ in range(PAGES)]
        crowd = [an_order(scene, f"o-{number}") for number in range(20)]
        for each in crowd:
            await desk.place(each)
        await until(lambda: sum(page.done() for page in pages) >= 50)
        before = len(await scene.truth("request"))
        await desk.cancel(order)
        await desk.hears(order, OrderStatus.CANCELED)
        rows = await scene.truth("request")
        (cancel,) = (
            number for number, row in enumerate(rows) if row["client_order_id"] == "resting" and number > before
        )
        assert cancel - before < 100, "the cancel waited behind the storm"
        # History takes its share of the minute and no more: what is left waits for the next one.
        await until(lambda: bank.wait_s(2, Priority.HISTORY) > 0)
        await until(lambda: bank.on_their_way == 0)
        for each in crowd:
            await desk.hears(each, OrderStatus.NEW)
            await desk.cancel(each)
        for each in crowd:
            await desk.hears(each, OrderStatus.CANCELED)
        for page in pages:
            page.cancel()
        await asyncio.gather(*pages, return_exceptions=True)
        told = await statuses(scene)
        assert (told[429], told[418], await bans(scene)) == (0, 0, 0)
        assert told[200] > 300, "the pages were no pages"


async def used_up(scene: Scene) -> None:
    """Let somebody else behind our address take all but a little of this minute's weight, and stop in time."""
    used = 0
    async with aiohttp.ClientSession() as stranger:
        while used < WEIGHT - 5:
            async with stranger.get(f"{scene.hosts.rest}/api/v3/ticker/price?symbol={BTC}") as reply:
                used = int(reply.headers["X-MBX-USED-WEIGHT-1M"])


@pytest.mark.parametrize("path", OrderPath)
async def test_the_last_of_the_weight_is_for_cancels_when_others_took_the_rest(path: OrderPath) -> None:
    async with a_scene(Market.SPOT, path, settings=STERN, weight_per_minute=WEIGHT) as scene:
        bank = WeightBank(WEIGHT)
        desk = await Desk(scene, bank=bank).open()
        resting = [an_order(scene, f"resting-{number}") for number in range(10)]
        for order in resting:
            await desk.place(order)
            await desk.hears(order, OrderStatus.NEW)
        await used_up(scene)
        with suppress(BotError):
            await scene.closes(build_public(scene.hosts, bank)).klines(MINUTE, limit=5)
        late = an_order(scene, "late")
        for order in resting:
            await desk.cancel(order)
        await desk.place(late)
        for order in resting:
            await desk.hears(order, OrderStatus.CANCELED)
        told = await statuses(scene)
        assert (told[429], told[418], await bans(scene)) == (0, 0, 0)


@pytest.mark.parametrize("path", OrderPath)
async def test_what_is_on_its_way_when_others_used_the_limit_up_draws_no_ban(path: OrderPath) -> None:
    async with a_scene(Market.SPOT, path, weight_per_minute=WEIGHT) as scene:
        bank = WeightBank(WEIGHT, patience_s=0.0)
        desk = await Desk(scene, bank=bank).open()
        public = scene.closes(build_public(scene.hosts, bank))
        await scene.fault("limit", path="/api/v3/klines", retry_after_s=300, count=1)
        wishes = [asyncio.create_task(public.klines(MINUTE, limit=5)) for _ in range(200)]
        late = [an_order(scene, f"o-{number}") for number in range(50)]
        for order in late:
            await desk.place(order)
        ended = await asyncio.gather(*wishes, return_exceptions=True)
        assert any(isinstance(each, Throttled) for each in ended)
        for order in late:
            await until(lambda order=order: desk.statuses(order))  # type: ignore[misc]
        told = await statuses(scene)
        assert 1 <= told[429] <= AT_ONCE[Priority.CANCEL]
        assert (told[418], await bans(scene)) == (0, 0)


async def go_on(ask: Callable[[], Awaitable[object]], over: asyncio.Event) -> None:
    """Ask again and again."""
    while not over.is_set():
        with suppress(BotError):
            await ask()
        await asyncio.sleep(0.002)


async def taken(scene: Scene, path: str) -> int:
    """Let somebody else behind our address ask on until he is told that it is enough; give how often he asked."""
    async with aiohttp.ClientSession() as stranger:
        for count in itertools.count(1):
            async with stranger.get(f"{scene.hosts.rest}{path}") as reply:
                if reply.status == 429:
                    return count
    raise AssertionError("counting has no end")


@pytest.mark.parametrize("path", OrderPath)
async def test_a_stranger_who_uses_the_limit_up_amid_our_storm_draws_one_429_on_us_at_most(path: OrderPath) -> None:
    async with a_scene(Market.SPOT, path, weight_per_minute=WEIGHT) as scene:
        bank = WeightBank(WEIGHT, patience_s=0.0)
        desk = await Desk(scene, bank=bank).open()
        public = scene.closes(build_public(scene.hosts, bank))
        client = desk.broker._client
        asks = (
            *[lambda: public.klines(MINUTE, limit=5)] * 6,
            *[public.time_ms] * 6,
            *[lambda: client.query(BTC, "nobody")] * 4,
            *[lambda: client.cancel(BTC, "nobody")] * 4,
        )
        over = asyncio.Event()
        ours = [asyncio.create_task(go_on(ask, over)) for ask in asks]
        price = f"/api/v3/ticker/price?symbol={BTC}"
        assert await taken(scene, price) > 50, "he did not share it with us"
        over.set()
        await until(lambda: bank.on_their_way == 0)
        for task in ours:  # (some wait for the next minute)
            task.cancel()
        await asyncio.gather(*ours, return_exceptions=True)
        rows = [row for row in await scene.truth("request") if row["path"] != "/api/v3/ticker/price"]
        told = Counter(int(row["status"]) for row in rows)
        assert told[429] <= 1
        assert (told[418], await bans(scene)) == (0, 0)
        assert len(rows) > 50, "there was no storm"


async def test_an_order_in_doubt_is_looked_for_once_the_wait_is_over_and_not_before(market_scene: Scene) -> None:
    bank = market_scene.bank()
    desk = await Desk(market_scene, bank=bank).open()
    await market_scene.mute_user_events()
    await market_scene.order_fault("drop_reply")
    question = await market_scene.fault(
        "limit", method="GET", path=ORDER_PATH[market_scene.market], count=1, retry_after_s=1
    )
    order = an_order(market_scene)
    await desk.place(order)
    await market_scene.struck(question)
    assert desk.statuses(order) == [OrderStatus.UNKNOWN]
    await desk.hears(order, OrderStatus.NEW)
    # One question drew the 429, the next one the answer: none was spent on a closed door, and none came late.
    asked = [
        row for row in await market_scene.truth("request") if row["client_order_id"] == "a" and row["method"] == "GET"
    ]
    assert [row["status"] for row in asked] == [429, 200]
    assert await bans(market_scene) == 0


async def test_a_cancel_goes_on_after_the_wait_and_is_sent_once_however_often_it_is_wished(scene: Scene) -> None:
    desk = await Desk(scene).open()
    order = an_order(scene)
    await desk.place(order)
    await desk.hears(order, OrderStatus.NEW)
    where = (
        {"path": "order.cancel"}
        if scene.path is OrderPath.WS
        else {"method": "DELETE", "path": ORDER_PATH[scene.market]}
    )
    await scene.fault("limit", count=1, retry_after_s=1, **where)
    for _ in range(5):
        await desk.cancel(order)
    await desk.hears(order, OrderStatus.CANCELED)
    sent = [row for row in await scene.truth("request") if row["method"] == "DELETE" or row["path"] == "order.cancel"]
    assert [row["status"] for row in sent] == [429, 200]
    assert await bans(scene) == 0
