"""Seeds: the same one gives the same run, and sound code breaks nothing (`tests/mutants` plants what does)."""

import asyncio
import os
import subprocess
import sys
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from bot.binance.client import SpotClient
from bot.binance.endpoints import Sending
from bot.binance.execution import SignedBroker
from bot.binance.tracking import Tracked
from bot.domain.errors import OutcomeUnknown
from bot.domain.market import Market
from bot.domain.messages import Command
from bot.domain.order import Order, OrderStatus
from bot.domain.state import AccountState
from bot.proof.hands import Hands
from bot.proof.run import prove, prove_all
from bot.proof.scene import Scene
from bot.proof.world import World
from bot.runtime.kill_switch import KillNote
from bot.runtime.runner import Runner

ROOT = Path(__file__).parents[3]
RESTLESS_SEED = next(
    seed
    for seed in count()
    if (scene := Scene(seed)).deaths >= 3 and scene.weather.lost_after and scene.strain.slow < 0.2
)
"""One with several lives and lost answers, and with a database that lets it trade."""


def test_the_same_seed_gives_the_same_run_to_the_last_line() -> None:
    one, two = prove(RESTLESS_SEED, traces=True), prove(RESTLESS_SEED, traces=True)
    assert one.trace == two.trace
    assert one == two
    assert one.lives > 1
    assert one.orders > 20


def test_another_process_has_the_same_run() -> None:
    # Sets of text are in another order there: nothing may hang on it.
    line = f"from bot.proof.run import prove; print(prove({RESTLESS_SEED}).digest)"
    digests = {
        subprocess.run(
            [sys.executable, "-c", line], capture_output=True, text=True, check=True, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src"), "PYTHONHASHSEED": salt},
        ).stdout.strip()
        for salt in ("1", "2")
    }  # fmt: skip
    assert digests == {prove(RESTLESS_SEED).digest}


def test_seeds_break_nothing_and_differ() -> None:
    verdicts = list(prove_all(range(20, 24), jobs=1))
    assert [each.breaches for each in verdicts] == [()] * 4
    assert len({each.digest for each in verdicts}) == 4
    assert all(each.trades for each in verdicts)


def test_some_seeds_trade_futures_long_and_short_and_break_nothing() -> None:
    seed = next(seed for seed in count(20) if (scene := Scene(seed)).has_futures and len(scene.accounts) > 1)
    verdict = prove(seed, traces=True)
    assert verdict.breaches == ()
    assert verdict.trades
    assert set(Scene(seed).markets.values()) == {Market.SPOT, Market.FUTURES}


def test_the_owners_hands_move_money_trade_and_throw_the_switch_and_all_is_accounted_for() -> None:
    seed = next(
        seed for seed in count(900_000) if (scene := Scene(seed, wild=True)).hands_every_s == 8.0 and scene.switches
    )
    verdict = prove(seed, wild=True, traces=True)
    assert verdict.breaches == ()
    told = "\n".join(line for line in verdict.trace if " hand " in line)
    for deed in ("USDT", "BUY", "throws the kill switch", "lifts the kill switch"):
        assert deed in told


def test_money_that_came_and_is_not_accounted_for_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    seed = next(seed for seed in count(900_000) if Scene(seed, wild=True).hands_every_s == 8.0)
    monkeypatch.setattr(Hands, "moved", property(lambda _: [], lambda *_: None), raising=False)
    assert {each.invariant for each in prove(seed, wild=True).breaches} == {"I4"}


def test_who_was_held_before_its_first_step_does_not_hear_of_the_switch_for_the_one_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lifted: list[float] = []

    async def others(world: World) -> None:
        await world._die()
        world._bear()
        await world._pause()  # (the one just born takes its first step as it wakes up)
        await world.switch(KillNote("a person", "enough"))
        await asyncio.sleep(2.0)
        assert all(each.worker and each.worker.condition.state is AccountState.HALTED for each in world.parties)
        await world.switch(None)
        lifted.append(world.loop.time())

    monkeypatch.setattr(World, "_others", others)
    seed = next(seed for seed in count() if not Scene(seed, wild=False).deaths)
    verdict = prove(seed, wild=False)
    assert lifted
    assert verdict.lives == 3
    assert verdict.breaches == ()


def test_calm_worlds_have_no_hands() -> None:
    assert not any((scene := Scene(seed, wild=False)).hands_every_s or scene.switches for seed in range(50))


def test_two_worlds_of_three_are_wild_unless_it_is_said() -> None:
    assert [Scene(seed).is_wild for seed in range(6)] == [False, True, True] * 2
    assert Scene(0, wild=True).is_wild
    assert not Scene(1, wild=False).is_wild
    assert prove(1).digest != prove(1, wild=False).digest


def first_breach(seeds: range) -> str:
    return next((each.breaches[0].invariant for each in map(prove, seeds) if each.breaches), "")


def test_sending_again_after_an_unknown_outcome_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    place = SpotClient.place

    async def blindly(self: SpotClient, order: Order, sending: Sending | None = None) -> Any:
        try:
            return await place(self, order, sending)
        except OutcomeUnknown:
            return await place(self, order)

    monkeypatch.setattr(SpotClient, "place", blindly)
    assert first_breach(range(3, 30)) in {"I1", "I2"}


def test_taking_silence_for_a_refusal_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(self: SignedBroker, tracked: Tracked, reason: str) -> None:
        self._tell(tracked, OrderStatus.REJECTED, reason=reason)

    monkeypatch.setattr(SignedBroker, "_tell_unknown", refused)
    assert first_breach(range(3, 30)) in {"I3", "I7"}


def test_sending_before_writing_down_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    async def too_soon(self: Runner, event: Any, outcomes: Any, age_s: float) -> None:
        for each in outcomes:
            if isinstance(each, Command):
                await self._broker.execute(each)
        await self._remember(event, outcomes)

    monkeypatch.setattr(Runner, "_carry_out", too_soon)
    assert first_breach(range(3, 30)) == "I2"


def test_coming_back_without_asking_about_open_orders_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    async def not_asked(self: SignedBroker, deliver: Any, open_orders: Any, *more: Any) -> None:
        await right(self, deliver, (), *more)

    right = SignedBroker.start
    monkeypatch.setattr(SignedBroker, "start", not_asked)
    assert first_breach(range(3, 30)) in {"I3", "I4", "I7"}
