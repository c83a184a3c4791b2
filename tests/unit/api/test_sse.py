"""Live events: one poller, many listeners, nothing lost that was promised."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest_asyncio
from tests.unit.api.world import MINUTE_MS, NOW_MS, World

from bot.api.sse import Frame, Hub, Listener
from bot.db.base import SessionFactory, create_async, session_factory
from bot.reporting.board import Boards


@pytest_asyncio.fixture
async def sessions(database_url: str) -> AsyncIterator[SessionFactory]:
    engine = create_async(database_url)
    yield session_factory(engine)
    await engine.dispose()


@pytest_asyncio.fixture
async def hub(sessions: SessionFactory, world: World) -> AsyncIterator[Hub]:
    hub = Hub(sessions, Boards(sessions, lambda: NOW_MS, keep_ms=0), every_s=0.01)
    polling = asyncio.create_task(hub.run())
    yield hub
    hub.close()
    polling.cancel()
    await asyncio.gather(polling, return_exceptions=True)


async def until(frames: AsyncIterator[Frame], event: str) -> Frame:
    async with asyncio.timeout(30):
        async for frame in frames:
            if frame.event == event:
                return frame
    raise AssertionError(f"the stream ended without {event}")


async def settled(hub: Hub) -> None:
    """Wait until the poller has taken its first look."""
    async with asyncio.timeout(30):
        while not hub.has_looked:
            await asyncio.sleep(0.005)


async def test_the_whole_picture_comes_first_then_what_happens(hub: Hub, world: World) -> None:
    frames = hub.listen()
    first = await anext(frames)
    assert first.event == "overview"
    assert len(json.loads(first.data)["strategies"]) == 5
    reading = asyncio.ensure_future(until(frames, "decision"))
    await settled(hub)
    decision = world.decision(world.ids["mean"], "denied", rule="cooldown", at_ms=NOW_MS + 1)
    told = json.loads((await reading).data)
    assert (told["id"], told["strategy_id"], told["rule"]) == (decision, world.ids["mean"], "cooldown")
    reading = asyncio.ensure_future(until(frames, "trade"))
    trade = world.trade(world.ids["live"], "7.5", schema="live")
    told = json.loads((await reading).data)
    assert (told["id"], told["strategy_id"], told["pnl"]) == (trade, world.ids["live"], "7.5")
    reading = asyncio.ensure_future(until(frames, "equity"))
    world.mark(world.ids["idle"], 123.5, NOW_MS + MINUTE_MS)
    assert world.ids["idle"] in [mark["strategy_id"] for mark in json.loads((await reading).data)]
    await frames.aclose()


async def test_an_order_is_told_again_when_it_changes_and_only_then(hub: Hub, world: World) -> None:
    frames = hub.listen()
    await anext(frames)
    reading = asyncio.ensure_future(until(frames, "order"))
    await settled(hub)
    order = world.order(world.ids["mean"], "BUY", "1", "100", status="NEW")
    told = json.loads((await reading).data)
    assert (told["id"], told["status"]) == (order, "NEW")
    world.rows(f"UPDATE orders SET status = 'CANCELED' WHERE id = {order} RETURNING id")
    told = json.loads((await until(frames, "order")).data)
    assert (told["id"], told["status"]) == (order, "CANCELED")
    await frames.aclose()


async def test_history_is_not_told_as_news(hub: Hub, world: World) -> None:
    frames = hub.listen()
    await anext(frames)
    reading = asyncio.ensure_future(until(frames, "trade"))
    await settled(hub)
    newest = world.trade(world.ids["mean"], "1")
    assert json.loads((await reading).data)["id"] == newest
    await frames.aclose()


async def test_a_browser_that_comes_back_gets_what_it_missed(hub: Hub, world: World) -> None:
    stays, leaves = hub.listen(), hub.listen()
    await anext(stays)
    await anext(leaves)
    reading = asyncio.ensure_future(until(leaves, "decision"))
    await settled(hub)
    world.decision(world.ids["mean"], at_ms=NOW_MS + 1)
    last = await reading
    await leaves.aclose()
    missed = world.decision(world.ids["mean"], at_ms=NOW_MS + 2)
    await until(stays, "decision")
    await until(stays, "decision")
    back = hub.listen(hub.event_id(last))
    assert (await anext(back)).event == "overview"
    assert json.loads((await anext(back)).data)["id"] == missed
    for old in ("", "nonsense", "other-1", f"{hub.event_id(last)}x", "-", "9" * 60):
        stranger = hub.listen(old)
        assert (await anext(stranger)).event == "overview"
        await stranger.aclose()
    await stays.aclose()
    await back.aclose()


async def test_nobody_listening_means_no_question_to_the_database(hub: Hub, world: World) -> None:
    assert hub.listeners == 0
    frames = hub.listen()
    await anext(frames)
    assert hub.listeners == 1
    await settled(hub)
    await frames.aclose()
    assert hub.listeners == 0
    async with asyncio.timeout(30):
        while hub.is_polling:
            await asyncio.sleep(0.005)


async def test_a_slow_listener_is_let_go_and_the_others_stay() -> None:
    slow, quick = Listener(3), Listener(3)
    received = []
    for number in range(1, 8):
        frame = Frame(number, "order", "{}")
        slow.offer(frame)
        quick.offer(frame)
        received.append(await anext(quick.frames()))
    assert slow.is_gone
    assert [frame.number async for frame in slow.frames()] == [1, 2, 3]
    assert not quick.is_gone
    assert [frame.number for frame in received] == list(range(1, 8))


async def test_the_stream_outlives_a_database_that_goes_away(hub: Hub, world: World) -> None:
    frames = hub.listen()
    await anext(frames)
    reading = asyncio.ensure_future(until(frames, "trade"))
    await settled(hub)
    world.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
               " WHERE datname = current_database() AND pid <> pg_backend_pid()")  # fmt: skip
    trade = world.trade(world.ids["mean"], "1")
    assert json.loads((await reading).data)["id"] == trade
    await frames.aclose()
