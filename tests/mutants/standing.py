"""Mutants of what stands guard: stops on the exchange, and the fence in front of the journal."""

from typing import Any

from tests.mutants.planting import Soil, mutant

from bot.domain.order import OrderStatus
from bot.engine import protection
from bot.engine.guarding import Guarding
from bot.engine.protection import Guard, Protection
from bot.proof.journal import Database


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


_SHOWN = {OrderStatus.NEW, OrderStatus.PARTIALLY_FILLED}
