"""Incidents of others, orders and fills: each scene is played by a naive client, which comes to harm, and by our bot."""

import asyncio
from decimal import Decimal

from tests.incidents import naive
from tests.incidents.ours import Ours
from tests.incidents.stage import SYMBOL, Stage, Trader, play

from bot.domain.market import Market
from bot.emulator.faults import Rule

D = Decimal
AMOUNT = D("0.01")
ORDER = "/api/v3/order"


def on_order(kind: str, **more: object) -> Rule:
    """Give a fault of the first new order."""
    return Rule(kind=kind, method="POST", path=ORDER, **({"count": 1} | more))  # type: ignore[arg-type]


async def buys_and_waits(stage: Stage, trader: Trader, price: Decimal | None = None) -> None:
    await trader.buy(AMOUNT, price)
    await asyncio.sleep(60.0)


def test_nautilus_4215_a_time_out_of_an_accepted_order_is_not_followed_by_a_resend() -> None:
    async def scene(stage: Stage, trader: Trader) -> str:
        await buys_and_waits(stage, trader)
        return stage.doubled()

    fault = on_order("error", status=408, code=-1007, message="Timeout waiting for response.", accept=True)
    assert play(scene, naive.SendsAgain, fault) == "2 orders of 1 decision(s)"
    assert play(scene, Ours, fault) == ""


def test_nautilus_4958_an_order_that_nobody_can_ask_about_is_not_called_rejected() -> None:
    async def scene(stage: Stage, trader: Trader) -> str:
        await buys_and_waits(stage, trader)
        return stage.misjudged(trader)

    faults = (
        on_order("drop_reply"),
        Rule(kind="drop_frame", event="executionReport"),
        Rule(kind="error", method="GET", path=ORDER, status=500, code=-1000, accept=False, count=8),
    )
    assert play(scene, naive.GivesUpAsking, *faults) == "believed REJECTED, is FILLED"
    assert play(scene, Ours, *faults) == ""


def test_nautilus_3861_fills_while_the_listen_key_is_replaced_are_not_lost() -> None:
    async def scene(stage: Stage, trader: Trader) -> str:
        limit = (stage.price * D("0.97")).quantize(D("0.1"))
        await trader.buy(AMOUNT, limit)
        await asyncio.sleep(5.0)
        futures = stage.emulator.futures
        assert futures is not None
        stage.emulator.world.faults.add(Rule(kind="expire_listen_key", count=1))
        await asyncio.sleep(2.0)
        futures.move(SYMBOL, limit * D("0.99"))
        await asyncio.sleep(60.0)
        return stage.lost(trader)

    assert play(scene, naive.ListensByKey, market=Market.FUTURES) == "1 trade(s) not on record"
    assert play(scene, Ours, market=Market.FUTURES) == ""


def test_hummingbot_493_a_time_out_is_not_a_failure_and_leaves_no_orphan() -> None:
    async def scene(stage: Stage, trader: Trader) -> str:
        await buys_and_waits(stage, trader, (stage.price * D("0.9")).quantize(D("0.01")))
        return stage.misjudged(trader)

    assert play(scene, naive.CallsItFailed, on_order("drop_reply")) == "believed FAILED, is NEW"
    assert play(scene, Ours, on_order("drop_reply")) == ""


def test_catalyst_317_a_read_time_out_is_not_ordered_again_until_the_money_is_gone() -> None:
    async def scene(stage: Stage, trader: Trader) -> str:
        await trader.buy((D(700) / stage.price).quantize(D("0.00001")))
        await asyncio.sleep(60.0)
        refused = sum(row["code"] == -2010 for row in stage.requests("POST", ORDER))
        return f"{refused} refused for want of money" if refused else stage.doubled()

    slow = on_order("delay_reply", delay_ms=30_000)
    assert play(scene, naive.OrdersAnew, slow, USDT=1_000) == "4 refused for want of money"
    assert play(scene, Ours, slow, USDT=1_000) == ""


def test_freqtrade_3647_an_order_that_filled_before_its_cancel_is_booked() -> None:
    async def scene(stage: Stage, trader: Trader) -> str:
        await trader.buy(AMOUNT, (stage.price * D("1.01")).quantize(D("0.01")))
        await trader.cancel_all()
        await asyncio.sleep(60.0)
        return stage.lost(trader)

    faults = (on_order("drop_reply"), Rule(kind="drop_frame", event="executionReport"))
    assert play(scene, naive.Naive, *faults) == "1 trade(s) not on record"
    assert play(scene, Ours, *faults) == ""


def test_binance_trader_182_the_owners_own_holdings_are_never_sold() -> None:
    async def scene(stage: Stage, trader: Trader) -> str:
        await trader.buy(AMOUNT)
        for _ in range(3):
            await trader.sell_all()
        assert len(stage.trades()) >= 2, "it neither bought nor sold"
        left = stage.emulator.venue.exchange.balances("me")["BTC"].free
        return f"{1 - left} BTC of the owner sold" if left < 1 else ""

    owned = {"USDT": 10_000, "BTC": 1}
    assert play(scene, naive.SellsWhatItSees, **owned).endswith("BTC of the owner sold")
    assert play(scene, Ours, **owned) == ""


def test_freqtrade_1084_a_fee_taken_in_the_bought_asset_does_not_keep_it_from_being_sold() -> None:
    async def scene(stage: Stage, trader: Trader) -> str:
        await trader.buy(AMOUNT)
        await trader.sell_all()
        assert stage.trades(), "nothing was bought"
        refused = sum(row["code"] == -2010 for row in stage.requests("POST", ORDER))
        left = stage.emulator.venue.exchange.balances("me")["BTC"].free
        if left >= D("0.00002"):
            return f"{left.normalize()} BTC could not be sold, {refused} orders refused"
        return f"{refused} orders refused" if refused else ""

    assert play(scene, naive.RoundsUp) == "0.00999 BTC could not be sold, 5 orders refused"
    assert play(scene, Ours) == ""


def test_python_binance_1057_a_stream_that_is_silent_while_its_connection_lives_hides_no_fill() -> None:
    async def scene(stage: Stage, trader: Trader) -> str:
        stage.emulator.world.faults.add(Rule(kind="drop_frame", event="executionReport"))
        await trader.buy(AMOUNT, (stage.price * D("0.9995")).quantize(D("0.01")))
        await stage.until(stage.trades)
        await asyncio.sleep(60.0)
        return stage.lost(trader)

    assert play(scene, naive.Listens) == "1 trade(s) not on record"
    assert play(scene, Ours) == ""
