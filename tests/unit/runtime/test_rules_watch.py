"""The rules of a symbol change while an account trades: they are read again, soon where something speaks against them."""

import asyncio
from collections.abc import Mapping

import msgspec
import pytest
from tests.fakes.outfit import BTC, D, account_plan, told

from bot.domain.errors import Unavailable
from bot.domain.instrument import Instrument
from bot.domain.market import Market
from bot.domain.messages import OrderUpdate, PlaceOrder
from bot.domain.order import OrderStatus, Purpose, Side
from bot.engine import rulebook
from bot.engine.engine import Engine
from bot.runtime.rules_watch import DOUBTED_S, RULES_S, watch_rules
from bot.strategies.base import Wish

HALTED = msgspec.structs.replace(BTC, status="HALT")


class Shelf:
    """A feed of rules alone, and a clock: each nap is counted, and after the last the watch is called off."""

    def __init__(self, *editions: Instrument | Unavailable, naps: int) -> None:
        self.editions = list(editions)
        self.naps = naps
        self.read_at: list[float] = []
        self.slept = 0.0

    async def instruments(self, market: Market) -> Mapping[str, Instrument]:
        self.read_at.append(self.slept)
        edition = self.editions.pop(0) if len(self.editions) > 1 else self.editions[0]
        if isinstance(edition, Unavailable):
            raise edition
        return {edition.symbol: edition}

    async def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.naps -= 1
        if not self.naps:
            raise asyncio.CancelledError


def engine_with(rules: Instrument) -> Engine:
    engine, plan = Engine(), told()
    engine.add(1, plan.strategy, plan.config, rules)
    return engine


async def watched(engine: Engine, shelf: Shelf) -> None:
    with pytest.raises(asyncio.CancelledError):
        await watch_rules(account_plan(told()), shelf, engine, shelf)  # type: ignore[arg-type]


async def test_rules_that_nothing_speaks_against_are_read_once_an_hour() -> None:
    engine, shelf = engine_with(BTC), Shelf(BTC, naps=int(2 * RULES_S / DOUBTED_S) + 2)
    await watched(engine, shelf)
    assert shelf.read_at == [RULES_S, 2 * RULES_S]


async def test_a_symbol_that_halted_is_looked_at_soon_and_trades_again() -> None:
    engine, shelf = engine_with(HALTED), Shelf(HALTED, Unavailable("away"), BTC, naps=6)
    await watched(engine, shelf)
    assert shelf.read_at == [DOUBTED_S, 2 * DOUBTED_S, 3 * DOUBTED_S]
    assert engine.slots[1].instrument.is_tradable


async def test_a_refusal_by_a_filter_has_the_rules_read_again_and_orders_follow_them() -> None:
    engine = engine_with(BTC)
    slot = engine.slots[1]
    slot.last_price = 100.0
    engine.restore_balances({("owner", "USDT"): D(10_000)})
    outcomes: list[object] = []
    engine._ordering.consider(slot, Wish(Side.BUY, Purpose.ENTRY, "test"), 1, outcomes)  # type: ignore[arg-type]
    (placed,) = [each for each in outcomes if isinstance(each, PlaceOrder)]
    refusal = OrderUpdate(placed.order.client_order_id, OrderStatus.REJECTED, 2, reason="LOT_SIZE", code=-1013)
    engine.handle(refusal)
    assert rulebook.are_doubtful(engine.slots.values())
    coarse = msgspec.structs.replace(BTC, lot=msgspec.structs.replace(BTC.lot, step=BTC.lot.step * 1000))
    await watched(engine, Shelf(coarse, naps=2))
    assert slot.instrument == coarse
    assert not rulebook.are_doubtful(engine.slots.values())
