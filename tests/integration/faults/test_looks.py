"""Looks at an account that others use as well: what they do is seen, given once, and never taken for ours."""

from decimal import Decimal

from bot.domain.messages import FundsSeen
from bot.domain.order import OrderStatus, Side

from .scene import BTC, Desk, Scene, an_order, until

NEW, FILLED, CANCELED = OrderStatus.NEW, OrderStatus.FILLED, OrderStatus.CANCELED


async def test_an_order_by_another_program_with_the_same_key_is_given_at_rest_and_when_it_is_filled(
    market_scene: Scene,
) -> None:
    ours, theirs = await Desk(market_scene).open(), await Desk(market_scene).open()
    resting = an_order(market_scene, "theirs", "0.99")
    await theirs.place(resting)
    await theirs.hears(resting, NEW)
    await until(lambda: [each.client_order_id for each in ours.looker.foreign] == ["theirs"])
    assert any("theirs" in each for each in ours.looker.was_in_doubt)
    market_scene.trade("0.98", "1")
    await theirs.hears(resting, FILLED)
    await until(lambda: any(not each.is_open for each in ours.looker.foreign))
    last = ours.looker.foreign[-1]
    assert (last.market, last.symbol, last.side, last.filled) == (market_scene.market, BTC, Side.BUY, resting.quantity)
    assert ours.updates(resting) == []


async def test_an_order_that_was_cancelled_by_hand_is_told_though_the_user_stream_is_mute(market_scene: Scene) -> None:
    ours, hand = await Desk(market_scene, look_every_s=0.05).open(), await Desk(market_scene).open()
    resting = an_order(market_scene, "a", "0.9")
    await ours.place(resting)
    await ours.hears(resting, NEW)
    await market_scene.mute_user_events()
    await hand.broker.cancel_all(everything=True)
    await ours.hears(resting, CANCELED)
    assert ours.statuses(resting) == [NEW, CANCELED]
    assert ours.looker.foreign == []


async def test_money_that_came_from_outside_is_told_by_two_looks_alike(market_scene: Scene) -> None:
    desk = await Desk(market_scene).open()
    await market_scene.control(
        "POST", "/_balances",
        {"account": "account-1", "asset": "USDT", "delta": "250.5", "face": market_scene.face},
    )  # fmt: skip
    for _ in range(2):
        await desk.looker.look()
    funds = [each.totals["USDT"] for each in desk.told if isinstance(each, FundsSeen)]
    assert (funds[0], funds[-2:]) == (Decimal(100_000), [Decimal("100250.5")] * 2)
