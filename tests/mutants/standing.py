"""Mutants of what stands guard: stops on the exchange, and the fence in front of the journal."""

from typing import Any

import msgspec
from tests.mutants.planting import Soil, mutant

from bot.binance import client, conditional, futures
from bot.binance.execution import SignedBroker
from bot.binance.wire_new_futures import OfAlgo
from bot.domain.order import OrderStatus
from bot.engine import protection
from bot.engine.guarding import Guarding
from bot.engine.protection import Guard, Protection
from bot.proof.journal import Database
from bot.runtime.runner import Runner


@mutant("a stop that somebody took is not put back", "F50")
def lost_stop_stays_lost(soil: Soil) -> None:
    def wrong(self: Guarding, slot: Any, guard: Guard, outcomes: Any) -> None:
        if guard.state is not Protection.LOST:
            right(self, slot, guard, outcomes)

    right = soil.swap(Guarding, "_arm", wrong)


@mutant("a stop of unknown outcome counts as armed", "F50, I7")
def unknown_stop_is_armed(soil: Soil) -> None:
    soil.swap(protection, "is_shown", lambda status: status in {*_SHOWN, OrderStatus.UNKNOWN})


@mutant("the journal does not ask whose turn it is: a dead process writes after its successor has read", "I9, K07")
def no_fence_in_the_journal(soil: Soil) -> None:
    soil.swap(Database, "holds", lambda self, epoch: True)


@mutant("of a list that never left, only the stop is told so", "I7, F50")
def half_a_list_is_told(soil: Soil) -> None:
    def wrong(self: SignedBroker, tracked: Any, status: OrderStatus, reason: str) -> None:
        right(self, tracked[:1], status, reason)

    right = soil.swap(SignedBroker, "_tell_all", wrong)


@mutant("of a list, only the stop's attempt is written down", "I2, §4.1")
def half_a_list_is_written(soil: Soil) -> None:
    def wrong(self: Runner, placed: Any, takes: Any) -> Any:
        return {name: each for name, each in right(self, placed, takes).items() if name not in _ids(takes)}

    right = soil.swap(Runner, "_attempts", wrong)


@mutant("of a stop and a take profit on futures, nobody ends the one that has not traded", "F50")
def leftovers_are_left(soil: Soil) -> None:
    def wrong(self: Guarding, slot: Any, guard: Guard, outcomes: Any) -> None:
        if guard.is_list or not slot.position.is_flat:
            right(self, slot, guard, outcomes)

    right = soil.swap(Guarding, "_cancel_all", wrong)


@mutant("a stop on futures may open a position", "F50")
def stops_may_open(soil: Soil) -> None:
    def wrong(order: Any) -> Any:
        return msgspec.structs.replace(right(order), reduceOnly=None)

    right = soil.swap(client, "futures_conditional", wrong)


@mutant("what an order became when its price had come is not asked for", "I3, I7")
def triggers_are_not_followed(soil: Soil) -> None:
    async def wrong(self: Any, _symbol: str, name: str) -> Any:
        return conditional.Waiting(await self.call(futures.ALGO, OfAlgo(clientAlgoId=name)))

    soil.swap(conditional, "find", wrong)


def _ids(takes: Any) -> set[str]:
    return {each.client_order_id for each in takes.values()}


_SHOWN = {OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED}
