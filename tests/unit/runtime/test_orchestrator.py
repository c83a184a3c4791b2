"""The orchestrator: follows the plans, and touches no account that has not changed."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import msgspec
import pytest
from tests.fakes.outfit import FakeOutfit, account_plan, breathe, buys, candle, end, told, until

from bot.domain.errors import Misconfigured, Unavailable
from bot.domain.messages import PlaceOrder, StrategyStopped
from bot.runtime.orchestrator import Orchestrator
from bot.runtime.plan import AccountPlan
from bot.runtime.supervisor import FIRST_PAUSE_S
from bot.runtime.worker import Worker

SCRIPT = {0: buys(), 3: buys(price=50.0)}


class House:
    """An orchestrator whose plans the test writes; `look` lets it read them again."""

    def __init__(self) -> None:
        self.plans: list[AccountPlan] = []
        self.is_away = False
        self.outfit = FakeOutfit()
        self.orchestrator = Orchestrator(self.outfit, self._load, self.outfit.clock, reload_every_s=2.0)

    async def _load(self) -> Sequence[AccountPlan]:
        if self.is_away:
            raise Unavailable("the database is away")
        return list(self.plans)

    async def look(self) -> None:
        await self.outfit.clock.advance(2.0)
        await breathe(50)

    def worker(self, name: str) -> Worker:
        (worker,) = [each for each in self.orchestrator.workers.values() if each.plan.name == name]
        return worker

    async def ready(self, name: str) -> Worker:
        await until(lambda: self.worker(name).runner)
        return self.worker(name)

    def kept[T](self, name: str, kind: type[T]) -> list[T]:
        return [each for each in self.outfit.journals[f"{name}/paper"].outcomes if isinstance(each, kind)]


def account(number: int, *strategies: object, **changes: object) -> AccountPlan:
    plan = account_plan(*strategies, name=f"account{number}", **changes)  # type: ignore[arg-type]
    return msgspec.structs.replace(plan, account_id=number)


ONE = told(SCRIPT)
TWO = told(SCRIPT, strategy_id=2)
OTHER = told(SCRIPT, strategy_id=3)


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    house.plans = [account(1, ONE, TWO), account(2, OTHER)]
    task = asyncio.create_task(house.orchestrator.run())
    await until(lambda: len(house.orchestrator.workers) == 2)
    await house.ready("account1")
    await house.ready("account2")
    yield house
    await end(task)
    assert house.outfit.feed_.subscriptions == []
    assert house.orchestrator.workers == {}


async def test_every_account_that_has_a_plan_trades(house: House) -> None:
    house.outfit.feed_.show(candle(0, 100.0))
    await breathe()
    assert {each.order.strategy_id for each in house.kept("account1", PlaceOrder)} == {1, 2}
    assert {each.order.strategy_id for each in house.kept("account2", PlaceOrder)} == {3}


async def test_plans_that_stay_the_same_disturb_nobody(house: House) -> None:
    before = dict(house.orchestrator.workers)
    runners = [each.runner for each in before.values()]
    for _ in range(3):
        await house.look()
    assert dict(house.orchestrator.workers) == before
    assert [each.runner for each in before.values()] == runners


async def test_a_new_account_starts_beside_the_others(house: House) -> None:
    before = dict(house.orchestrator.workers)
    house.plans.append(account(3, told(strategy_id=9)))
    await house.look()
    await house.ready("account3")
    assert all(house.orchestrator.workers[key] is worker for key, worker in before.items())


async def test_a_new_strategy_restarts_its_account_alone(house: House) -> None:
    first, second = house.worker("account1"), house.worker("account2")
    house.plans[0] = account(1, ONE, TWO, told(SCRIPT, strategy_id=9))
    await house.look()
    assert await house.ready("account1") is not first
    assert house.worker("account2") is second
    house.outfit.feed_.show(candle(0, 100.0))
    await breathe()
    assert {each.order.strategy_id for each in house.kept("account1", PlaceOrder)} == {1, 2, 9}


async def test_a_disabled_strategy_is_stopped_without_a_restart(house: House) -> None:
    worker, runner = house.worker("account1"), house.worker("account1").runner
    house.plans[0] = account(1, msgspec.structs.replace(ONE, is_enabled=False), TWO)
    await house.look()
    assert house.worker("account1") is worker
    assert worker.runner is runner
    house.outfit.feed_.show(candle(0, 100.0))
    await breathe()
    assert {each.order.strategy_id for each in house.kept("account1", PlaceOrder)} == {2}
    assert [(each.strategy_id, each.reason) for each in house.kept("account1", StrategyStopped)] == [(1, "disabled")]
    house.plans[0] = account(1, TWO)  # it holds nothing more, so its row is not read any longer
    await house.look()
    assert worker.runner is runner


async def test_a_stop_by_risk_that_shows_in_the_row_needs_no_restart(house: House) -> None:
    runner = house.worker("account1").runner
    house.plans[0] = account(1, msgspec.structs.replace(ONE, stopped="drawdown"), TWO)
    await house.look()
    assert house.worker("account1").runner is runner


@pytest.mark.parametrize(
    "before",
    [msgspec.structs.replace(ONE, is_enabled=False), msgspec.structs.replace(ONE, stopped="drawdown")],
    ids=["disabled", "stopped"],
)
async def test_a_strategy_that_a_person_lets_trade_again_trades(house: House, before: object) -> None:
    house.plans[1] = account(2, before, OTHER)
    await house.look()
    await house.ready("account2")
    house.plans[1] = account(2, ONE, OTHER)
    await house.look()
    await house.ready("account2")
    house.outfit.feed_.show(candle(0, 100.0))
    await breathe()
    assert {each.order.strategy_id for each in house.kept("account2", PlaceOrder)} == {1, 3}


@pytest.mark.parametrize(
    "changed",
    [
        account(1, told(SCRIPT, order_value=99.0), TWO),
        account(1, ONE, TWO, environment="testnet"),
        account(1, ONE, TWO, paper_funds={}),
        account(1, ONE, TWO, key_mark="another"),
        account(1, TWO),
    ],
    ids=["config", "environment", "funds", "key", "enabled row gone"],
)
async def test_any_other_change_restarts_that_account_alone(house: House, changed: AccountPlan) -> None:
    first, second = house.worker("account1"), house.worker("account2")
    house.plans[0] = changed
    await house.look()
    assert await house.ready("account1") is not first
    assert house.worker("account1").plan == changed
    assert first.runner is None
    assert house.worker("account2") is second


async def test_an_account_without_a_plan_stops(house: House) -> None:
    worker = house.worker("account2")
    del house.plans[1]
    await house.look()
    assert worker.runner is None
    assert [each.plan.name for each in house.orchestrator.workers.values()] == ["account1"]


async def test_while_plans_cannot_be_read_everything_keeps_running(house: House) -> None:
    before = [each.runner for each in house.orchestrator.workers.values()]
    house.is_away = True
    await house.look()
    await house.look()
    assert [each.runner for each in house.orchestrator.workers.values()] == before
    assert all(before)
    house.is_away = False
    house.plans.append(account(3, told(strategy_id=9)))
    await house.look()
    await house.ready("account3")


async def test_what_a_person_has_to_mend_halts_one_account_with_the_reason(house: House) -> None:
    house.outfit.trouble = Misconfigured("the key is refused; make a new one")
    house.plans.append(account(3, told(strategy_id=9)))
    await house.look()
    assert house.orchestrator.halted == {"account3/paper": "the key is refused; make a new one"}
    assert house.worker("account1").runner
    naps = len(house.outfit.clock.naps)
    await house.look()
    assert FIRST_PAUSE_S not in house.outfit.clock.naps[naps:], "it is not tried again by itself"
    house.outfit.trouble = None
    house.plans[2] = account(3, told(strategy_id=9, order_value=99.0))
    await house.look()
    await house.ready("account3")
    assert house.orchestrator.halted == {}


async def test_a_halted_account_that_is_taken_away_is_no_longer_told_of(house: House) -> None:
    house.outfit.trouble = Misconfigured("the key is refused; make a new one")
    house.plans.append(account(3, told(strategy_id=9)))
    await house.look()
    house.plans.pop()
    await house.look()
    assert house.orchestrator.halted == {}


async def test_a_failed_account_comes_back_and_the_others_do_not_notice(house: House) -> None:
    other = house.worker("account1").runner
    house.outfit.trouble = Unavailable("away")
    house.plans.append(account(3, told(strategy_id=9)))
    await house.look()
    assert house.worker("account3").runner is None
    house.outfit.trouble = None
    await house.outfit.clock.advance(1.0)
    await house.ready("account3")
    assert house.worker("account1").runner is other


async def test_a_person_lets_one_account_begin_anew(house: House) -> None:
    before, other = house.worker("account1"), house.worker("account2")
    house.orchestrator.restart("account1")
    await house.look()
    await house.ready("account1")
    assert house.worker("account1") is not before
    assert house.worker("account2") is other
