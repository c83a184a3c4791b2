"""Plans: which strategies run in which account with whose money, as the rows say it."""

from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from tests.fakes.journal import next_turn

from bot.commands.plans import Plans
from bot.db.base import Mode, SessionFactory, unit_of_work
from bot.db.repositories import Accounts, Strategies
from bot.domain.messages import PlaceOrder, Tick
from bot.domain.money import Quantity, number
from bot.domain.order import Order, OrderType, Side
from bot.runtime.plan import StrategyPlan
from bot.strategies.registry import discover

NOW = 1_750_000_000_123


class Scene:
    """The rows of one account, with an outfit that keeps what was refused."""

    def __init__(self, sessions: SessionFactory, url: str, var: Path) -> None:
        self.sessions, self.url = sessions, url
        self.refused: list[str] = []
        settings = SimpleNamespace(STRATEGY_MAX_DRAWDOWN=0.2, DB_URL=url, VAR_DIR=var)
        roof: Any = SimpleNamespace(sessions=sessions, settings=settings, strategy=discover().find)
        self.plans = Plans(roof, self)  # type: ignore[arg-type]

    async def refuse(self, strategy: StrategyPlan, reason: str) -> None:
        self.refused.append(reason)
        async with unit_of_work(self.sessions) as session:
            (await Strategies(session).get(strategy.strategy_id)).stopped_reason = reason

    async def add(self, **config: object) -> int:
        async with unit_of_work(self.sessions) as session:
            account = await Accounts(session).create("main")
            row = await Strategies(session).create(
                account.id, "breakout", {"symbol": "BTCUSDT", **config}, enabled=True
            )
            self.account_id = account.id
            return row.id

    async def another(self, account_id: int) -> int:
        """Add a strategy that trades on paper."""
        async with unit_of_work(self.sessions) as session:
            row = await Strategies(session).create(
                account_id, "breakout", {"symbol": "BTCUSDT"}, title="paper", enabled=True
            )
            return row.id

    async def order(self, strategy_id: int, mode: Mode) -> None:
        """Leave an open order behind in the ledger of a mode."""
        journal = await next_turn(self.url, self.account_id, mode)
        order = Order("o-1", strategy_id, "BTCUSDT", Side.BUY, OrderType.MARKET, Quantity(number("1")), NOW)
        await journal.record(Tick(NOW), [PlaceOrder(order)])
        await journal.close()

    async def found(self) -> dict[Mode, list[tuple[int, bool]]]:
        return {
            plan.mode: [(each.strategy_id, each.is_enabled) for each in plan.strategies]
            for plan in await self.plans.load()
        }


@pytest.fixture
def scene(sessions: SessionFactory, database_url: str, tmp_path: Path) -> Scene:
    return Scene(sessions, database_url, tmp_path)


async def test_a_strategy_whose_money_was_changed_keeps_its_exits_where_it_still_holds_something(scene: Scene) -> None:
    strategy_id = await scene.add(demo_mode=False)
    await scene.order(strategy_id, Mode.REHEARSAL)
    assert await scene.found() == {Mode.REHEARSAL: [(strategy_id, True)]}
    async with unit_of_work(scene.sessions) as session:
        await Strategies(session).configure(strategy_id, {"symbol": "BTCUSDT", "demo_mode": True})
    assert await scene.found() == {Mode.PAPER: [(strategy_id, True)], Mode.REHEARSAL: [(strategy_id, False)]}
    async with unit_of_work(scene.sessions) as session:
        await Strategies(session).disable(strategy_id)
    assert await scene.found() == {Mode.REHEARSAL: [(strategy_id, False)]}


async def test_real_money_is_not_touched_without_approval_even_to_leave(scene: Scene) -> None:
    strategy_id = await scene.add()
    await scene.order(strategy_id, Mode.LIVE)
    assert await scene.found() == {Mode.PAPER: [(strategy_id, True)]}


async def test_what_a_test_exchange_filled_is_never_sold_on_the_real_one(scene: Scene) -> None:
    strategy_id = await scene.add(demo_mode=False)
    await scene.order(strategy_id, Mode.REHEARSAL)
    async with unit_of_work(scene.sessions) as session:
        account = await Accounts(session).get(scene.account_id)
        account.environment, account.testnet = "production", False
    assert await scene.found() == {Mode.PAPER: [(strategy_id, True)]}


async def test_a_strategy_enabled_again_without_being_mended_is_refused_again(scene: Scene) -> None:
    strategy_id = await scene.add(windows=3)
    for _ in range(2):
        assert await scene.found() == {}
    assert len(scene.refused) == 1
    async with unit_of_work(scene.sessions) as session:
        await Strategies(session).enable(strategy_id)
    assert await scene.found() == {}
    assert len(scene.refused) == 2
    assert "windows: is not a setting of this strategy; did you mean 'window'?" in scene.refused[1]


async def test_futures_run_on_paper_and_not_with_real_money(scene: Scene) -> None:
    strategy_id = await scene.add(market="futures")
    assert await scene.found() == {Mode.PAPER: [(strategy_id, True)]}
    async with unit_of_work(scene.sessions) as session:
        await Strategies(session).configure(strategy_id, {"symbol": "BTCUSDT", "market": "futures", "demo_mode": False})
        account = await Accounts(session).get(scene.account_id)
        account.environment, account.testnet = "emulator", True
    assert await scene.found() == {Mode.REHEARSAL: [(strategy_id, True)]}


async def test_no_stop_of_a_contract_rests_on_paper_and_what_is_held_there_is_watched(scene: Scene) -> None:
    strategy_id = await scene.add(market="futures", stop_loss=0.1, protect="exchange")
    assert await scene.found() == {}
    assert ['protect "exchange" on futures is for rehearsal' in each for each in scene.refused] == [True]
    await scene.order(strategy_id, Mode.PAPER)
    assert await scene.found() == {Mode.PAPER: [(strategy_id, False)]}
    ((plan,),) = [each.strategies for each in await scene.plans.load()]
    assert (plan.config.protect, plan.config.stop_loss) == ("watch", 0.1)


async def test_paper_money_is_of_one_market_that_on_which_something_is_held(scene: Scene) -> None:
    spot = await scene.add()
    async with unit_of_work(scene.sessions) as session:
        row = await Strategies(session).create(
            scene.account_id, "breakout", {"symbol": "BTCUSDT", "market": "futures"}, title="futures", enabled=True
        )
        futures = row.id
    assert await scene.found() == {Mode.PAPER: [(spot, True)]}
    assert await scene.found() == {Mode.PAPER: [(spot, True)]}
    assert [reason.partition(":")[0] for reason in scene.refused] == [
        "an account's paper money is of one market, spot or futures"
    ]
    await scene.order(futures, Mode.PAPER)
    assert await scene.found() == {Mode.PAPER: [(futures, True)]}


async def test_another_key_is_another_plan_for_who_uses_it(scene: Scene) -> None:
    first, second = await scene.add(demo_mode=False), await scene.another(scene.account_id)

    async def marks() -> dict[Mode, str]:
        return {plan.mode: plan.key_mark for plan in await scene.plans.load()}

    before = await marks()
    assert before == await marks()
    async with unit_of_work(scene.sessions) as session:
        await Accounts(session).rekey(scene.account_id, api_key_enc="sealed", api_secret_enc="sealed, too")
    after = await marks()
    assert after[Mode.REHEARSAL] != before[Mode.REHEARSAL]
    assert after[Mode.PAPER] == before[Mode.PAPER], "paper money needs no key"
    assert {first, second} == {each for _, rows in (await scene.found()).items() for each, _ in rows}


def junk(lots: Random, depth: int = 0) -> Any:
    """Give something that JSON can say, near to a strategy's settings or far from them."""
    words: list[Any] = [None, True, 0, -1, 1e308, "", "NaN", "BTCUSDT", "1m", "\u202e'; --", "9" * 400]
    if depth < 3 and lots.random() < 0.3:
        return [junk(lots, depth + 1) for _ in range(lots.randrange(3))]
    if depth < 3 and lots.random() < 0.6:
        keys = lots.sample(["symbol", "candle", "window", "version", "demo_mode", "market", "", "order_value"], 4)
        return {key: junk(lots, depth + 1) for key in keys}
    return lots.choice(words)


async def test_whatever_is_kept_of_a_strategy_it_alone_is_refused_and_told_so(scene: Scene) -> None:
    broken, sound = await scene.add(), await scene.another(scene.account_id)
    lots = Random(7)
    # (The database keeps nothing but objects there.)
    kept = [{}, {"symbol": "BTCUSDT", "format": 2}, *({"symbol": junk(lots), "window": junk(lots)} for _ in range(60))]
    for config in kept:
        async with unit_of_work(scene.sessions) as session:
            row = await Strategies(session).get(broken)
            row.config, row.stopped_reason, row.enabled = config, "", True
        scene.refused.clear()
        found = await scene.found()
        assert found == {Mode.PAPER: [(sound, True)]}, config
        assert len(scene.refused) == 1, config
        assert "\n" not in scene.refused[0]
