"""Every fault of the user stream, switched on over the control port: each trade is told once, and no ending is missed."""

from typing import Any

import pytest

from bot.domain.market import Market
from bot.domain.order import Order, OrderStatus

from .scene import Desk, Scene, a_scene, an_order, until

NEW, PARTIALLY, FILLED = OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED
EVENT = {Market.SPOT: "executionReport", Market.FUTURES: "ORDER_TRADE_UPDATE"}
A_DAY_MS = 86_400_000


async def rests(desk: Desk) -> Order:
    order = an_order(desk.scene, share="0.99")
    await desk.place(order)
    await desk.hears(order, NEW)
    return order


async def is_told_whole(desk: Desk, order: Order) -> None:
    await desk.hears(order, FILLED)
    told = [(each.trade_id, each.quantity) for each in desk.fills(order)]
    assert sorted(told) == await desk.scene.traded("a")
    assert sum(quantity for _, quantity in told) == order.quantity
    assert [each for each in desk.statuses(order) if each is not PARTIALLY] == [NEW, FILLED]
    assert await desk.scene.orders() == ["a"]


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        ("duplicate_frame", {}), ("reorder_frame", {"count": 1}), ("reorder_frame", {"skip": 1, "count": 1}),
        ("delay_frame", {"delay_ms": 60, "count": 1}), ("delay_frame", {"delay_ms": 60, "skip": 1, "count": 1}),
        ("drop_frame", {"count": 1}), ("drop_frame", {"skip": 1, "count": 1}),
        ("disconnect", {"count": 1}), ("disconnect", {"skip": 1, "count": 1}), ("disconnect", {"skip": 2, "count": 1}),
        ("extra_keys", {}), ("unknown_enum", {"field": "X", "count": 3}), ("unknown_enum", {"field": "x", "count": 3}),
    ],
)  # fmt: skip
async def test_an_order_is_told_whole_whatever_happens_to_its_events(
    market_scene: Scene, kind: str, rule: dict[str, Any]
) -> None:
    desk = await Desk(market_scene).open()
    number = await market_scene.fault(kind, event=EVENT[market_scene.market], **rule)
    order = await rests(desk)
    market_scene.trade("0.98", "0.004")
    market_scene.trade("0.99", "1")
    await is_told_whole(desk, order)
    assert await market_scene.hits(number)


@pytest.mark.parametrize("rule", [{}, {"skip": 1}, {"skip": 2}])
async def test_what_a_silent_user_stream_keeps_back_is_found_by_looking(
    market_scene: Scene, rule: dict[str, Any]
) -> None:
    desk = await Desk(market_scene, look_every_s=0.05).open()
    await market_scene.fault("drop_frame", event=EVENT[market_scene.market], **rule)
    order = await rests(desk)
    market_scene.trade("0.98", "0.004")
    market_scene.trade("0.99", "1")
    await is_told_whole(desk, order)


@pytest.mark.parametrize("how", ["disconnect", "server_shutdown", "a day", "the clock jumps back"])
async def test_a_user_stream_that_ends_amid_an_orders_fills_misses_none(market_scene: Scene, how: str) -> None:
    desk = await Desk(market_scene).open()
    order = await rests(desk)
    market_scene.trade("0.98", "0.004")
    if how == "a day":
        await market_scene.pass_time(A_DAY_MS)
    elif how == "the clock jumps back":
        await market_scene.pass_time(-20_000)
        await market_scene.control("POST", "/_connections", {"face": market_scene.face})
    else:
        await market_scene.control("POST", "/_connections", {"how": how, "face": market_scene.face})
    market_scene.trade("0.99", "1")
    await is_told_whole(desk, order)


async def test_a_listen_key_that_expires_amid_an_orders_fills_loses_none() -> None:
    async with a_scene(Market.FUTURES) as scene:
        desk = await Desk(scene).open()
        order = await rests(desk)
        rule = await scene.fault("expire_listen_key", count=1)
        scene.trade("0.98", "0.004")
        await scene.step()
        await scene.struck(rule)
        scene.trade("0.9", "1")
        await is_told_whole(desk, order)


@pytest.mark.parametrize("share", ["1.001", None])
async def test_an_order_that_a_rule_of_the_exchange_ends_is_told_with_its_reason(share: str | None) -> None:
    async with a_scene(Market.SPOT) as scene:
        desk = await Desk(scene).open()
        await scene.fault("expire_by_rule", count=1)
        order, again = an_order(scene, share=share), an_order(scene, "b", None)
        await desk.place(order)
        assert "EXECUTION_RULE" in (await desk.hears(order, OrderStatus.EXPIRED)).reason
        assert not desk.fills(order)
        await desk.place(again)
        await desk.hears(again, FILLED)
        assert len(await scene.posts()) == 2


async def test_a_client_id_that_is_used_again_after_its_order_is_filled_mixes_no_trades(market_scene: Scene) -> None:
    """The exchange frees an id with its order; the trades of the two are told apart by their numbers."""
    first = await Desk(market_scene).open()
    order = an_order(market_scene, share=None)
    await first.place(order)
    await first.hears(order, FILLED)
    await first.broker.stop()
    second = await Desk(market_scene).open()
    await second.place(order)
    await second.hears(order, FILLED)
    await until(lambda: second.fills(order))
    assert {each.trade_id for each in first.fills(order)}.isdisjoint({each.trade_id for each in second.fills(order)})
    assert sum(each.quantity for each in second.fills(order)) == order.quantity
    assert len(await market_scene.traded("a")) == len(first.fills(order)) + len(second.fills(order))
