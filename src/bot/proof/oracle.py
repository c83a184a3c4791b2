"""The oracle: holds what the bot remembers against what really happened. One function an invariant, by its number."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal

from bot.domain.ledger import EXTERNAL, OWNER, Ledger
from bot.domain.market import Market
from bot.domain.messages import (
    FillBooked,
    FundsPosted,
    IncomeBooked,
    PlaceOrder,
    ProtectionMoved,
)
from bot.domain.order import OrderStatus, Purpose, Side, may_move, whole_id
from bot.domain.position import Position
from bot.domain.state import AccountState
from bot.engine.ids import PREFIX
from bot.engine.protection import is_leg
from bot.ports import StrategyState
from bot.proof.crowd import ADDRESS as OTHERS
from bot.proof.evidence import Evidence
from bot.proof.watch import Breach as Breach  # noqa: PLC0414 - others find it here
from bot.proof.world import Party, World
from bot.runtime.runner import Runner

_UNPROVEN = {OrderStatus.INTENT, OrderStatus.SENT, OrderStatus.UNKNOWN}
_NEVER_THERE = {OrderStatus.VOID, OrderStatus.REJECTED}
_TOLD_AS = {"EXPIRED_IN_MATCH": "EXPIRED"}
"""What we call by one name, whichever rule of the exchange ended an order."""
_OUR_FAULT = {-1013, -1100, -1101, -1102, -1104, -1105, -1106, -1111, -1115, -1116, -1117}


_PLACES = {
    ("POST", "/api/v3/order"), ("POST", "/fapi/v1/order"), ("", "order.place"), ("POST", "/fapi/v1/algoOrder"),
    ("", "algoOrder.place"),
}  # fmt: skip

Check = Callable[[Evidence], Iterator[Breach]]


def i1_one_intent_one_order(seen: Evidence) -> Iterator[Breach]:
    """Each intent has at most one order at the exchange, and was sent at most once."""
    for name, rows in seen.there.items():
        if len(rows) > 1 and name.startswith(PREFIX):
            yield Breach("I1", f"{len(rows)} orders at the exchange", name)
    arrived = Counter(row["client_order_id"] for row in seen.requests if (row["method"], row["path"]) in _PLACES)
    for name, count in arrived.items():
        if count > 1:
            yield Breach("I1", f"sent {count} times", name)


def i2_intent_before_request(seen: Evidence) -> Iterator[Breach]:
    """Every order of ours at the exchange had a durable intent before its request arrived."""
    for name, rows in seen.there.items():
        known = seen.party.intents.get(name)
        if name.startswith(PREFIX) and (known is None or known >= rows[0]["n"]):
            yield Breach("I2", "the exchange has an order without an intent written before", name)


def i3_every_trade_once(seen: Evidence) -> Iterator[Breach]:
    """The trades at the exchange are the trades on record."""
    real = seen.trades
    known = {(symbol, whole_id(trade_id)) for _, symbol, trade_id in seen.state.fill_keys}
    for key in real.keys() - known:
        yield Breach("I3", f"trade {key[0]} {key[1]} is not on record", real[key])
    for key in known - real.keys():
        yield Breach("I3", f"trade {key[0]} {key[1]} on record never happened")
    for name in seen.placed:
        theirs = seen.moves.get(name)
        ours = seen.last[name]
        if theirs and _TOLD_AS.get(theirs["status"], theirs["status"]) != ours and ours not in _NEVER_THERE:
            yield Breach("I3", f"{ours} on record, {theirs['status']} at the exchange", name)


def i4_ledger_is_exchange(seen: Evidence) -> Iterator[Breach]:
    """Per asset the ledger's sum is free + locked at the exchange, and EXTERNAL is what came without us, no more."""
    ledger = Ledger()
    ledger.open(seen.state.balances)
    real = seen.money
    ours = ledger.ours()
    for asset in sorted(real.keys() | ours.keys()):
        difference = real.get(asset, Decimal(0)) - ours.get(asset, Decimal(0))
        if difference:
            yield Breach("I4", f"{asset}: exchange {real.get(asset)} - ledger {ours.get(asset)} = {difference}")
    if imbalance := ledger.imbalance():
        yield Breach("I4", f"postings do not cancel out: {imbalance}")
    for asset in sorted(real.keys() | seen.foreign.keys()):
        foreign, came = -ledger.balance(EXTERNAL, asset), seen.foreign.get(asset, Decimal(0))
        if foreign != came:
            yield Breach("I4", f"{asset}: {foreign} was posted as foreign money, {came} came")


def i4_positions_are_exchange(seen: Evidence) -> Iterator[Breach]:
    """What strategies hold of a contract is together what the account holds of it."""
    if seen.market is not Market.FUTURES:
        return
    held: defaultdict[str, Decimal] = defaultdict(Decimal)
    for state in seen.state.strategies.values():
        for fill in state.fills:
            held[fill.symbol] += fill.quantity if fill.side is Side.BUY else -fill.quantity
    for symbol in sorted(held.keys() | seen.positions.keys()):
        theirs = seen.positions.get(symbol, Decimal(0))
        if held[symbol] != theirs:
            yield Breach("I4", f"{symbol}: strategies hold {held[symbol]}, the account {theirs}")


def i5_forward_only(seen: Evidence) -> Iterator[Breach]:
    """States move forward, and what is filled never falls nor exceeds the order."""
    for name, changes in seen.changes.items():
        if name not in seen.placed:
            yield Breach("I5", "changes without an intent", name)
            continue
        status, filled = OrderStatus.SENT, Decimal(0)
        for each in changes:
            # A dead process's last record may come after its successor has found out the same: that moves nothing.
            is_again = (each.status, each.filled) == (status, filled)
            if not is_again and not may_move(status, each.status):
                yield Breach("I5", f"{status} → {each.status}", name)
            if each.filled < filled or each.filled > seen.placed[name].quantity:
                yield Breach("I5", f"filled {filled} → {each.filled} of {seen.placed[name].quantity}", name)
            status, filled = each.status, each.filled


def i7_unknown_ends_by_proof(seen: Evidence) -> Iterator[Breach]:
    """What was called void does not exist at the exchange, and nothing is left in doubt."""
    for name, status in seen.last.items():
        if status in _NEVER_THERE and name in seen.there:
            yield Breach("I7", f"{status} on record, and the exchange has it", name)
        if status in _UNPROVEN:
            yield Breach("I7", f"still {status} after everything came to rest", name)


def i10_replay_is_the_same(seen: Evidence) -> Iterator[Breach]:
    """Folding the journal from zero gives the state that is kept, each time."""
    if seen.journal.state() != seen.state or seen.journal.replay() != seen.state:
        yield Breach("I10", "folding the journal again gives another state")
    runner = seen.party.worker.runner if seen.party.worker else None
    if not isinstance(runner, Runner):
        return
    engine = runner._engine
    ledger = Ledger()
    ledger.open(seen.state.balances)
    for asset in sorted(ledger.ours().keys() | engine.ledger.ours().keys()):
        if engine.ledger.total(asset) != ledger.total(asset):
            yield Breach(
                "I10", f"{asset}: the engine has {engine.ledger.total(asset)}, its journal {ledger.total(asset)}"
            )
    remembered = {each.order.client_order_id for each in seen.state.open_orders}
    for slot in engine.slots.values():
        state = seen.state.strategies.get(slot.id, StrategyState(slot.id))
        position = Position(slot.config.symbol, slot.config.market_of)
        for fill, fee in zip(state.fills, state.fees, strict=True):
            position.apply(fill, slot.instrument.base, fee)
        if (slot.position.quantity, slot.realised) != (position.quantity, state.realised):
            yield Breach(
                "I10",
                f"strategy {slot.id} holds {slot.position.quantity} and gained {slot.realised}; "
                f"by its journal {position.quantity} and {state.realised}",
            )
        for name in slot.live.keys() - remembered:
            yield Breach("I10", "open for the engine, ended by its journal", name)


def i11_numbers_are_numbers(seen: Evidence) -> Iterator[Breach]:
    """No nonsense on record, and nothing on the wire that breaks the form or the filters."""
    for each in seen.outcomes:
        numbers: list[Decimal] = []
        if isinstance(each, FillBooked):
            numbers = [each.fill.price, each.fill.quantity, each.fill.fee, *(one.amount for one in each.postings)]
        elif isinstance(each, FundsPosted | IncomeBooked):
            numbers = [one.amount for one in each.postings]
        elif isinstance(each, PlaceOrder):
            numbers = [each.order.quantity, *([] if each.order.price is None else [each.order.price])]
        for number in numbers:
            if not number.is_finite() or (not number and number.is_signed()):
                yield Breach("I11", f"{number} on record")
    for row in seen.requests:
        if row["code"] in _OUR_FAULT:
            yield Breach(
                "I11", f"{row['method'] or 'ws'} {row['path']} was refused with {row['code']}", row["client_order_id"]
            )


def never_banned(seen: Evidence) -> Iterator[Breach]:
    """Nobody asks so often that the exchange shuts the door: it counts by address, whoever asks, and with what key."""
    for row in seen.world.truth.read(kind="request"):
        if row["status"] == 418 and row["address"] != OTHERS:
            yield Breach("F13", f"banned at {row['method'] or 'ws'} {row['path']}")
            return


def at_rest(seen: Evidence) -> Iterator[Breach]:
    """In the end the bot is at work again, unless the kill switch stops it."""
    party = seen.party
    if party.halted:
        yield Breach("I8", f"halted: {party.halted}")
    elif party.worker is None or party.worker.runner is None:
        yield Breach("I8", "not at work again, though nothing goes wrong any more")
    elif party.worker.condition.state is AccountState.HALTED and seen.world.note is None:
        yield Breach("I8", f"halted for good, though nobody wished it: {party.worker.condition.reason}")


def stops_rest(seen: Evidence) -> Iterator[Breach]:
    """A stop counts as armed only once it stood there; in the end whoever wants one has it, or gave up by policy."""
    moves = [each for each in seen.outcomes if isinstance(each, ProtectionMoved)]
    for each in moves:
        if each.state == "armed" and each.client_order_id not in seen.there:
            yield Breach("F50", "counted as armed, and the exchange never had it", each.client_order_id)
    still_open = [seen.placed[name] for name, status in seen.last.items() if status.is_open]
    busy = {order.strategy_id for order in still_open}
    leaving = {order.strategy_id for order in still_open if order.purpose is not Purpose.ENTRY and not is_leg(order)}
    bereft = _bereft(seen)
    for each in {each.strategy_id: each for each in moves}.values():
        name = each.client_order_id
        theirs = seen.moves.get(name)
        if each.state == "armed" and theirs and theirs["status"] not in {"NEW", "PARTIALLY_FILLED"}:
            yield Breach("F50", f"armed on record, {theirs['status']} at the exchange", name)
        # A wanted stop may wait for any order; one that was lost for an exit alone, which is there to sell the same.
        is_sought = (each.state == "lost" and each.strategy_id not in leaving) or (
            each.state == "wanted" and each.strategy_id not in busy
        )
        if each.state in {"sent", "leaving"} or (is_sought and each.strategy_id not in bereft):
            yield Breach("F50", f"strategy {each.strategy_id} is without its stop in the end: {each.state}", name)


def guards_only_reduce(seen: Evidence) -> Iterator[Breach]:
    """What waits for a price on futures can open nothing, and in the end each guards what its strategy holds."""
    held: defaultdict[int, Decimal] = defaultdict(Decimal)
    for number, state in seen.state.strategies.items():
        for fill in state.fills:
            held[number] += fill.quantity if fill.side is Side.BUY else -fill.quantity
    for row in seen.waiting:
        name = row["client_algo_id"]
        if name not in seen.placed:
            continue
        if not row["reduce_only"] and not row["close_position"]:
            yield Breach("F50", "it waits for a price, and may open a position", name)
        strategy_id = seen.placed[name].strategy_id
        has = held[strategy_id] if row["side"] == "SELL" else -held[strategy_id]
        if Decimal(row["quantity"]) > has:
            yield Breach("F50", f"it waits to reduce {row['quantity']}, and strategy {strategy_id} holds {has}", name)


def _bereft(seen: Evidence) -> set[int]:
    """Give the strategies whose coins the owner took away by hand: nothing of theirs is there to be guarded."""
    ledger = Ledger()
    ledger.open(seen.state.balances)
    gone = tuple(asset for asset in ledger.ours() if ledger.balance(OWNER, asset) < 0)
    return {order.strategy_id for order in seen.placed.values() if gone and order.symbol.startswith(gone)}


CHECKS: tuple[Check, ...] = (
    i1_one_intent_one_order, i2_intent_before_request, i3_every_trade_once, i4_ledger_is_exchange,
    i4_positions_are_exchange, i5_forward_only, i7_unknown_ends_by_proof, i10_replay_is_the_same,
    i11_numbers_are_numbers, never_banned, stops_rest, guards_only_reduce, at_rest,
)  # fmt: skip


def judge(world: World) -> list[Breach]:
    """Give everything that does not hold."""
    return [breach for party in world.parties for breach in _judge_one(world, party)]


def _judge_one(world: World, party: Party) -> list[Breach]:
    try:
        seen = Evidence(world, party)
    except KeyError as missing:
        return [Breach("I10", f"the record goes on with what it never began: {missing}")]
    return [breach for check in CHECKS for breach in check(seen)]
