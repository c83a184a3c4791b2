"""Looks at the exchange: when they are taken, and what they do to the account's state."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest
from tests.fakes.broker import FakeBroker
from tests.fakes.outfit import BTC, START, D, StillClock, breathe, buys, candle, end, told

from bot.domain.errors import Misconfigured, Unavailable
from bot.domain.market import Market
from bot.domain.messages import ForeignSeen, FundsSeen
from bot.domain.order import Side
from bot.domain.state import AccountState
from bot.engine.engine import Engine
from bot.runtime.condition import Condition
from bot.runtime.looks import BUSY_S, IDLE_S, LONGEST_BREATH_S, LONGEST_RETRY_S, Looks


class Post:
    """A lookout that is ready, over an engine with one strategy. The test lets time pass."""

    def __init__(self) -> None:
        self.clock, self.broker, self.engine = StillClock(), FakeBroker(), Engine()
        plan = told({0: buys(price=90.0)})
        self.engine.add(1, plan.strategy, plan.config, BTC)
        self.engine.handle(FundsSeen({"USDT": D(1000)}, START))
        self.moves: list[str] = []
        self.condition = Condition("main/live")
        self.looks = Looks(self.engine, self.broker, self.condition, self.clock)

    async def begin(self) -> None:
        await self.looks.look()
        self.condition.finish()
        self.condition.listener = lambda state, _: self.moves.append(state.value)
        self.broker.looks = 0
        self.task = asyncio.create_task(self.looks.run())
        await breathe()

    async def wait(self, seconds: float, step: float = 0.5) -> int:
        """Let time pass, and give how many looks were taken meanwhile."""
        before, passed = self.broker.looks, 0.0
        while passed < seconds:
            await self.clock.advance(step)
            passed += step
        return self.broker.looks - before


@pytest.fixture
async def post() -> AsyncIterator[Post]:
    made = Post()
    await made.begin()
    yield made
    await end(made.task)


async def test_an_idle_account_is_looked_at_every_few_minutes_and_stays_ready(post: Post) -> None:
    assert await post.wait(IDLE_S - 1) == 0
    assert await post.wait(2) == 1
    assert post.moves == []
    assert post.broker.asked[-1] == {(Market.SPOT, "BTCUSDT"): 0}


async def test_an_account_with_open_orders_is_looked_at_more_often(post: Post) -> None:
    post.engine.handle(candle(0, 100.0))
    assert await post.wait(BUSY_S - 1) == 0
    assert await post.wait(3) == 1


async def test_money_that_nothing_explains_is_looked_at_again_soon_and_then_less_often(post: Post) -> None:
    totals = iter(D(1000 + n) for n in range(1, 99))
    post.broker.while_looking = lambda: post.engine.handle(FundsSeen({"USDT": next(totals)}, START)) and None
    post.engine.handle(FundsSeen({"USDT": D(7)}, START))
    assert await post.wait(4) == 1
    assert await post.wait(60) < 10
    post.broker.while_looking = lambda: None
    post.engine.handle(FundsSeen({"USDT": D(1000)}, START))
    await post.wait(BUSY_S)
    assert await post.wait(60) == 0, "it is explained"


async def test_after_a_doubt_was_settled_one_look_makes_it_ready_again(post: Post) -> None:
    post.condition.doubt("user stream", "nothing is heard")
    assert await post.wait(10) == 0
    assert post.condition.state is AccountState.DEGRADED
    post.condition.settle("user stream")
    assert await post.wait(2) == 1
    assert post.moves == ["degraded", "reconciling", "ready"]


async def test_what_a_look_finds_is_told_before_the_account_is_ready(post: Post) -> None:
    post.condition.doubt("user stream", "nothing is heard")
    post.broker.while_looking = lambda: post.moves.append("told")
    post.condition.settle("user stream")
    await post.wait(2)
    assert post.moves == ["degraded", "reconciling", "told", "ready"]


async def test_what_was_settled_while_looking_is_looked_for_again(post: Post) -> None:
    def hears() -> None:
        if post.broker.looks == 1:
            post.condition.doubt("user stream", "an event of an unknown kind")
            post.condition.settle("user stream")

    post.broker.while_looking = hears
    post.condition.settle("user stream")
    assert await post.wait(6) == 2
    assert post.condition.state is AccountState.READY


async def test_a_look_that_fails_degrades_and_is_tried_again_ever_more_slowly(post: Post) -> None:
    post.broker.trouble = Unavailable("no answer")
    post.condition.settle("user stream")
    await post.wait(2)
    assert post.condition.state is AccountState.DEGRADED
    assert post.condition.reason == "the exchange could not be looked at: no answer"
    assert await post.wait(60) < 8
    assert await post.wait(10 * LONGEST_RETRY_S) == 10
    post.broker.trouble = None
    assert await post.wait(LONGEST_RETRY_S) == 1
    assert post.moves == ["degraded", "reconciling", "ready"]


async def test_wishes_that_come_again_and_again_are_put_together(post: Post) -> None:
    def wishes() -> None:
        post.condition.settle("user stream")

    post.broker.while_looking = wishes
    wishes()
    assert await post.wait(40) <= 40 / LONGEST_BREATH_S + 5
    assert post.condition.state is AccountState.READY


async def test_a_refused_key_halts_and_nothing_is_asked_again(post: Post) -> None:
    post.broker.trouble = Misconfigured("Binance refuses the key; make a new one")
    post.condition.settle("user stream")
    assert await post.wait(2 * IDLE_S, step=10) == 1
    assert (post.condition.state, post.condition.reason) == (
        AccountState.HALTED,
        "Binance refuses the key; make a new one",
    )


async def test_strangers_are_judged_again_when_the_judge_could_not_say(post: Post) -> None:
    heard: list[ForeignSeen] = []

    async def judge(found: Sequence[ForeignSeen]) -> None:
        heard.extend(found)
        if len(heard) == 1:
            raise Unavailable("the journal is away")

    stranger = ForeignSeen(Market.SPOT, "BTCUSDT", "web_1", 77, Side.BUY, D(1), D(0), True, START)
    post.looks._judge = judge
    post.broker.foreign = [stranger]
    post.condition.settle("user stream")
    await post.wait(6)
    assert heard == [stranger, stranger]
    assert post.condition.state is AccountState.READY
