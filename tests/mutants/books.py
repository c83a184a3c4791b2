"""Mutants of the books: money, limits, and what is known after a restart."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from tests.mutants.planting import Soil, mutant

from bot.binance.execution import SignedBroker
from bot.binance.market_data import MarketData
from bot.binance.tracking import Orders
from bot.db.replay import Replay
from bot.domain import ledger
from bot.domain.ledger import MARKET, Posting
from bot.domain.market import Candle, Stream
from bot.domain.messages import Event, FundsPosted, FundsSeen, Outcome
from bot.domain.money import EXACT, ZERO
from bot.domain.order import Fill, OrderStatus
from bot.engine import booking, engine
from bot.engine.slot import Slot
from bot.ports import Deliver, OpenOrder, Recovered
from bot.proof.journal import MemoryJournal
from bot.risk import gate
from bot.risk.rules import Proposal, Rule, exposure, funds, known_outcomes
from bot.runtime import recovery, worker


@mutant("a fee taken in the bought asset is not booked", "F30")
def fee_in_base_is_ignored(soil: Soil) -> None:
    def wrong(fill: Fill, into: str, base: str, quote: str) -> tuple[Posting, ...]:
        return right(msgspec.structs.replace(fill, fee=ZERO) if fill.fee_asset == base else fill, into, base, quote)

    right = soil.swap(booking, "postings_of", wrong)


@mutant("a fee taken in BNB is booked in quote", "F30, B35")
def bnb_fee_is_booked_as_quote(soil: Soil) -> None:
    def wrong(fill: Fill, into: str, base: str, quote: str) -> tuple[Posting, ...]:
        odd = fill.fee_asset not in {base, quote}
        return right(msgspec.structs.replace(fill, fee_asset=quote) if odd else fill, into, base, quote)

    right = soil.swap(booking, "postings_of", wrong)


@mutant("money that came from outside is booked as if a trade had brought it", "F31, I4")
def foreign_money_is_trade(soil: Soil) -> None:
    soil.swap(engine, "EXTERNAL", MARKET)


@mutant("a difference at the first look is posted, though a fill is on its way: every guard is off", "F31, I4")
def funds_at_first_look(soil: Soil) -> None:
    def wrong(self: engine.Engine, seen: FundsSeen) -> Any:
        ours = self.ledger.ours()
        self._suspected = {
            asset: EXACT.subtract(seen.totals.get(asset, ZERO), ours.get(asset, ZERO))
            for asset in {*seen.totals, *ours}
        }
        return right(self, seen)

    right = soil.swap(engine.Engine, "_on_funds", wrong)

    def quietly(self: Orders, fill: Fill) -> bool:
        is_news = told(self, fill)
        self.fills_told = 0
        return is_news

    told = soil.swap(Orders, "is_news", quietly)


@mutant("amounts pass through float", "I4, I11, B11")
def money_is_float(soil: Soil) -> None:
    soil.swap(ledger, "times", lambda one, two: Decimal(float(one) * float(two)))


@mutant("dust leaves its strategy and arrives nowhere", "I4, F47")
def dust_is_lost(soil: Soil) -> None:
    def wrong(*how: Any) -> tuple[Posting, ...]:
        return right(*how)[:1]

    right = soil.swap(booking, "move", wrong)


@mutant("orders of unknown outcome are not counted as risk", "I6, P5")
def unknown_is_no_risk(soil: Soil) -> None:
    def wrong(self: Slot) -> Decimal:
        hidden = {name: live for name, live in self.live.items() if live.status is OrderStatus.UNKNOWN}
        for name in hidden:
            del self.live[name]
        try:
            return right.fget(self)
        finally:
            self.live |= hidden

    right = soil.swap(Slot, "exposure", property(wrong))


@mutant("open entries are not counted as risk", "I6, P5")
def open_entries_are_no_risk(soil: Soil) -> None:
    def wrong(self: Slot) -> Decimal:
        return EXACT.multiply(self.position.quantity.copy_abs(), Decimal(repr(self.last_price)))

    soil.swap(Slot, "exposure", property(wrong))


@mutant("nobody keeps the limit on what may be at risk", "I6, F51")
def exposure_limit_is_off(soil: Soil) -> None:
    _without(soil, exposure, funds)


@mutant("an entry goes out while an earlier order's outcome is unknown", "I6, §4.3")
def entry_while_unknown(soil: Soil) -> None:
    _without(soil, known_outcomes)


@mutant("a restart forgets orders of unknown outcome", "K07, I7")
def recovery_forgets_unknown(soil: Soil) -> None:
    _recovered(soil, lambda each: each.status is not OrderStatus.UNKNOWN)


@mutant("a restart forgets orders that were on their way", "K07, I7")
def recovery_forgets_sent(soil: Soil) -> None:
    _recovered(soil, lambda each: each.status is not OrderStatus.SENT)


@mutant("a restart does not ask what became of open orders", "K11, §4.6")
def restart_asks_nothing(soil: Soil) -> None:
    async def wrong(self: SignedBroker, deliver: Deliver, open_orders: Sequence[OpenOrder], *more: Any) -> None:
        await right(self, deliver, (), *more)

    right = soil.swap(SignedBroker, "start", wrong)


@mutant("after a restart the newest candle is decided on again", "P1, K15")
def candle_is_decided_twice(soil: Soil) -> None:
    _candle_again(soil)


@mutant("after a restart orders are counted from zero: the same candle gives the same id once more", "I1, K15")
def ids_are_used_again(soil: Soil) -> None:
    _candle_again(soil, sequence=0)


@mutant("a restart forgets what a strategy holds", "I10, K13")
def position_is_forgotten(soil: Soil) -> None:
    soil.swap(Slot, "restore_fills", lambda self, fills: None)


@mutant("a restart forgets how much of an open order was filled", "I5, K13")
def filled_part_is_forgotten(soil: Soil) -> None:
    def wrong(order: Any, status: Any, filled: Any, *more: Any) -> Any:
        return right(order, status, ZERO, ZERO, *more[1:])

    right = soil.swap(recovery, "LiveOrder", wrong)


@mutant("a transaction is half written when the database goes away", "I10, F04")
def half_a_transaction(soil: Soil) -> None:
    def wrong(self: MemoryJournal, event: Event, outcomes: Sequence[Outcome]) -> None:
        right(self, event, outcomes[:1] if isinstance(event, Fill) else outcomes)

    right = soil.swap(MemoryJournal, "commit", wrong)


@mutant("each look at the account founds the ledger again", "I4, F31")
def funds_are_posted_again(soil: Soil) -> None:
    def wrong(self: engine.Engine, seen: FundsSeen) -> Any:
        postings: list[Posting] = []
        for asset, total in seen.totals.items():
            postings += ledger.move(asset, total, ledger.EXTERNAL, ledger.OWNER, seen.time_ms, f"seen:{seen.time_ms}")
        self.ledger.post(postings)
        return [FundsPosted(tuple(postings))]

    soil.swap(engine.Engine, "_on_funds", wrong)


@mutant("the gain of a round trip is counted twice", "I10")
def a_round_trip_is_paid_twice(soil: Soil) -> None:
    def wrong(self: Slot, pnl: Decimal, time_ms: int) -> None:
        right(self, pnl, time_ms)
        self.realised = EXACT.add(self.realised, pnl)

    right = soil.swap(Slot, "end_trip", wrong)


def _candle_again(soil: Soil, **state: int) -> None:
    """Let a stream begin with a candle that history has, as exchanges do, and forget what was decided already."""

    def restored(into: engine.Engine, recovered: Recovered) -> None:
        restore(into, recovered)
        for slot in into.slots.values():
            slot.decided_ms = -1
            slot.sequence = state.get("sequence", slot.sequence)

    def warmed(self: engine.Engine, strategy_id: int, candles: Sequence[Candle]) -> None:
        warm_up(self, strategy_id, candles)
        self.slots[strategy_id].last_open = -1

    async def subscribed(self: MarketData, streams: Sequence[Stream], deliver: Deliver, **more: Any) -> Any:
        for stream in streams:
            for candle in await self.history(stream, 1):
                deliver(candle)
        return await subscribe(self, streams, deliver, **more)

    restore = soil.swap(worker, "restore", restored)
    warm_up = soil.swap(engine.Engine, "warm_up", warmed)
    subscribe = soil.swap(MarketData, "subscribe", subscribed)


def _without(soil: Soil, *rules: Any) -> None:
    def wrong(proposal: Proposal) -> tuple[Rule, ...]:
        return tuple(each for each in right(proposal) if each not in rules)

    right = soil.swap(gate, "rules_for", wrong)


def _recovered(soil: Soil, is_kept: Any) -> None:
    def wrong(self: Replay) -> Recovered:
        state: Recovered = right(self)
        kept: Iterable[OpenOrder] = (each for each in state.open_orders if is_kept(each))
        return msgspec.structs.replace(state, open_orders=tuple(kept))

    right = soil.swap(Replay, "state", wrong)
