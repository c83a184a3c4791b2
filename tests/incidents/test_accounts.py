"""Incidents of others, accounts and limits: each scene is played by a naive client, which comes to harm, and by ours."""

import asyncio
from collections.abc import Callable
from decimal import Decimal

from tests.incidents import naive
from tests.incidents.ours import Ours, Shared
from tests.incidents.stage import Stage, Trader, play

from bot.domain.market import Market
from bot.domain.state import AccountState
from bot.emulator.faults import Rule
from bot.runtime.looks import IDLE_S

AMOUNT = Decimal("0.01")
ORDER = "/api/v3/order"


def test_hummingbot_1291_a_429_is_waited_for_and_never_becomes_a_ban() -> None:
    async def scene(stage: Stage, trader: Trader) -> str:
        await trader.buy(AMOUNT)
        await trader.buy(AMOUNT)
        await asyncio.sleep(120.0)
        told = [row["status"] for row in stage.requests()]
        assert 429 in told, "nobody was told to slow down"
        banned = told.count(418)
        return f"banned {banned} times" if banned else ""

    limit = Rule(kind="limit", method="POST", path=ORDER, count=1, retry_after_s=30)
    assert play(scene, naive.Impatient, limit).startswith("banned ")
    assert play(scene, Ours, limit) == ""


def test_binance_trade_bot_215_a_clock_that_is_off_stops_no_order() -> None:
    async def scene(stage: Stage, trader: Trader) -> str:
        await trader.buy(AMOUNT)
        refused = sum(row["code"] == -1021 for row in stage.requests())
        return f"{refused} requests out of time, {len(stage.orders())} orders" if not stage.orders() else ""

    assert play(scene, naive.Naive, skew_s=8.0) == "1 requests out of time, 0 orders"
    assert play(scene, Ours, skew_s=8.0) == ""
    assert play(scene, Ours, skew_s=-3_600.0) == ""


class Pair:
    """Two processes of the same bot on one account: each is told the same."""

    def __init__(self, one: Trader, two: Trader) -> None:
        self.both = (one, two)
        self.booked: set[int] = set()
        self.status: dict[str, str] = {}

    async def begin(self) -> None:
        for each in self.both:
            await each.begin()

    async def end(self) -> None:
        for each in self.both:
            await each.end()

    async def buy(self, quantity: Decimal, price: Decimal | None = None) -> None:
        for each in self.both:
            await each.buy(quantity, price)

    async def sell_all(self) -> None:
        for each in self.both:
            await each.sell_all()

    async def cancel_all(self) -> None:
        for each in self.both:
            await each.cancel_all()


def test_freqtrade_8666_of_two_bots_on_one_account_one_sends() -> None:
    async def scene(stage: Stage, trader: Trader) -> str:
        await trader.buy(AMOUNT)
        await asyncio.sleep(30.0)
        return stage.doubled()

    def ours(stage: Stage) -> Pair:
        shared = Shared(stage)
        return Pair(Ours(stage, shared, "one"), Ours(stage, shared, "two"))

    def theirs(stage: Stage) -> Pair:
        return Pair(naive.Naive(stage), naive.Naive(stage))

    assert play(scene, theirs) == "2 orders of 1 decision(s)"
    assert play(scene, ours) == ""


def test_two_bots_with_a_database_each_and_one_key_both_stop() -> None:
    """Neither lease knows of the other: only what they see on the account tells them."""

    async def scene(stage: Stage, trader: Trader) -> str:
        assert isinstance(trader, Pair)
        # At the same candle: who sees the other's order before it places its own halts, and shows the other nothing.
        await asyncio.gather(*(each.buy(AMOUNT) for each in trader.both))
        for _ in range(2 * int(IDLE_S)):
            if all(_is_halted(each) for each in trader.both):
                break
            await asyncio.sleep(1.0)
        else:
            return "they trade on"
        before = len(stage.orders())
        await trader.buy(AMOUNT)
        await asyncio.sleep(30.0)
        return f"{len(stage.orders()) - before} orders after both had stopped" if len(stage.orders()) > before else ""

    def ours(stage: Stage) -> Pair:
        one, two = Shared(stage), Shared(stage)
        two.database.turns.epoch = 1_000
        return Pair(Ours(stage, one), Ours(stage, two))

    assert play(scene, ours) == ""


def _is_halted(trader: Trader) -> bool:
    assert isinstance(trader, Ours)
    condition = trader.worker.condition
    return condition.state is AccountState.HALTED and "bears this bot's mark" in condition.reason


def test_torchtrade_277_a_setting_that_could_not_be_made_is_not_traded_on() -> None:
    async def scene(stage: Stage, trader: Trader) -> str:
        await trader.buy(AMOUNT)
        assert stage.requests("POST", "/fapi/v1/positionSide/dual"), "nobody touched the setting"
        sent = len(stage.requests("POST", "/fapi/v1/order"))
        return f"{sent} order(s) sent into an account that is not as believed" if sent else ""

    def hedged(trader: Callable[[Stage], Trader]) -> Callable[[Stage], Trader]:
        def made(stage: Stage) -> Trader:
            return Hedged(stage, trader(stage))

        return made

    refuses = Rule(kind="error", method="POST", path="/fapi/v1/positionSide/dual", skip=1, status=400, code=-4067,
                   message="Position side cannot be changed if there exists open orders.", accept=False)  # fmt: skip
    assert play(scene, hedged(naive.Careless), refuses, market=Market.FUTURES) == (
        "1 order(s) sent into an account that is not as believed"
    )
    assert play(scene, hedged(Ours), refuses, market=Market.FUTURES) == ""


class Hedged(Pair):
    """A trader whose account was switched to two positions a symbol before it began."""

    def __init__(self, stage: Stage, trader: Trader) -> None:
        super().__init__(trader, trader)
        self.both = (trader,)  # type: ignore[assignment]
        self._stage = stage

    async def begin(self) -> None:
        status, _ = await self._stage.ask("POST", "/fapi/v1/positionSide/dual", dualSidePosition="true")
        assert status == 200
        await super().begin()


def test_knight_2012_one_parent_has_few_children() -> None:
    async def scene(stage: Stage, trader: Trader) -> str:
        await trader.buy(Decimal("0.0002"))
        await asyncio.sleep(10.0)
        there = len(stage.orders())
        return f"{there} orders of one decision" if there > 10 else ""

    assert play(scene, naive.Repeats) == "300 orders of one decision"
    assert play(scene, Runaway) == ""


class Runaway(Ours):
    """Our bot with a strategy that wants the same a hundred times at once."""

    async def buy(self, quantity: Decimal, price: Decimal | None = None) -> None:
        def wish(of: object) -> None:
            for _ in range(150):
                of.buy("again", quantity=quantity)  # type: ignore[attr-defined]

        await self._wish(wish)
        assert self.stage.orders(), "not one child was sent"
