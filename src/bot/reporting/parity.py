"""Two runs of one strategy side by side: what both did alike, and where they part, by cause.

A run is what came out of the engine, whoever ran it: a backtest, paper, rehearsal or live money. Orders are matched by
the moment of their decision, which is the close of the candle that brought it about and so the same in every mode.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from statistics import median
from typing import Any

import msgspec

from bot.domain.messages import (
    Decision,
    FillBooked,
    OrderChanged,
    Outcome,
    PlaceOrder,
    StrategyStopped,
    TradeClosed,
    Verdict,
)
from bot.domain.money import ZERO, plain
from bot.domain.order import OrderStatus, Purpose, Side

LATE_MS = 1_000
"""A fill that came so much later than the other may have met another price for that alone."""
_NOT_COMPARED = frozenset({"demo_mode", "warm_up"})
"""Settings in which runs may differ: whose money it is, and how much history is asked for."""


class Cause(StrEnum):
    """Why two runs differ."""

    SETTINGS = "settings"
    MISSED_DATA = "missed data"
    REJECTION = "rejection"
    LIQUIDITY = "liquidity"
    SLIPPAGE = "slippage"
    LATENCY = "latency"
    FEE = "fee"
    FOLLOWS = "follows"
    """Nothing of its own: an earlier difference left one of them with another position."""
    UNEXPLAINED = "unexplained"


class Filled(msgspec.Struct, frozen=True):
    """One fill."""

    time_ms: int
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    fee_in_quote: Decimal


class Placed(msgspec.Struct):
    """One order, what was seen when it was decided, and what became of it."""

    client_order_id: str
    time_ms: int
    side: Side
    type: str
    purpose: str
    quantity: Decimal
    price: Decimal | None
    stop_price: Decimal | None
    reason: str
    seen: dict[str, float] = {}
    status: str = OrderStatus.SENT.value
    status_reason: str = ""
    fills: list[Filled] = []

    @property
    def filled(self) -> Decimal:
        """How much of it traded."""
        return sum((each.quantity for each in self.fills), ZERO)

    @property
    def paid(self) -> Decimal:
        """What traded of it, in quote."""
        return sum((each.quantity * each.price for each in self.fills), ZERO)

    @property
    def fee(self) -> Decimal:
        """Its fees, in quote."""
        return sum((each.fee_in_quote for each in self.fills), ZERO)

    @property
    def last_ms(self) -> int:
        """When its last fill came; the moment of its decision without one."""
        return self.fills[-1].time_ms if self.fills else self.time_ms


class Refused(msgspec.Struct, frozen=True):
    """A wish that was denied before it became an order. Repeated ones are on record once."""

    time_ms: int
    side: Side
    rule: str
    reason: str


class Trip(msgspec.Struct, frozen=True):
    """A closed round trip, amounts in quote."""

    side: Side
    quantity: Decimal
    entry_price: Decimal
    exit_price: Decimal
    fees: Decimal
    pnl: Decimal


class Record(msgspec.Struct):
    """What one strategy did in one run. `first_ms` and `last_ms` are closes of the candles between which it decided.

    `gaps` are times (from, to) between which it is known to have seen no candle.
    """

    label: str
    mode: str
    strategy: str
    settings: dict[str, Any]
    first_ms: int
    last_ms: int
    orders: list[Placed] = []
    refused: list[Refused] = []
    trips: list[Trip] = []
    stops: list[tuple[int, str]] = []
    gaps: list[tuple[int, int]] = []

    @property
    def pnl(self) -> Decimal:
        """P&L of closed round trips, in quote."""
        return sum((trip.pnl for trip in self.trips), ZERO)

    @property
    def fills(self) -> list[Filled]:
        """All fills, order by order."""
        return [fill for order in self.orders for fill in order.fills]


class Difference(msgspec.Struct, frozen=True):
    """One thing in which two runs differ. `quote` is what it cost the other run, below zero when it gained."""

    cause: Cause
    time_ms: int
    what: str
    quote: Decimal | None = None


class Comparison(msgspec.Struct, frozen=True):
    """Two runs compared. `orders` and `fills` count those that are alike."""

    one: Record
    other: Record
    orders: int
    fills: int
    refused: int
    differences: list[Difference]

    @property
    def causes(self) -> dict[str, tuple[int, Decimal]]:
        """How many differences each cause made, and what they cost the other run in quote."""
        found: dict[str, tuple[int, Decimal]] = {}
        for each in self.differences:
            count, quote = found.get(each.cause, (0, ZERO))
            found[each.cause] = count + 1, quote + (each.quote or ZERO)
        return found


def record_of(outcomes: Iterable[Outcome], strategy_id: int, record: Record) -> Record:
    """Put what came out of an engine for one strategy into its record."""
    orders: dict[str, Placed] = {}
    seen: dict[str, dict[str, float]] = {}
    for each in outcomes:
        match each:
            case Decision() if each.strategy_id == strategy_id and each.verdict is Verdict.DENIED:
                record.refused.append(Refused(each.time_ms, each.side, each.rule, each.reason))
            case Decision() if each.strategy_id == strategy_id:
                seen[each.client_order_id] = dict(each.seen)
            case PlaceOrder(order=order) if order.strategy_id == strategy_id:
                orders[order.client_order_id] = Placed(
                    order.client_order_id, order.created_ms, order.side, order.type.value, order.purpose.value,
                    order.quantity, order.price, order.stop_price, order.reason,
                )  # fmt: skip
            case OrderChanged() if each.client_order_id in orders:
                orders[each.client_order_id].status = each.status.value
                orders[each.client_order_id].status_reason = each.reason
            case FillBooked(fill=fill) if fill.client_order_id in orders:
                orders[fill.client_order_id].fills.append(
                    Filled(fill.time_ms, fill.price, fill.quantity, fill.fee, fill.fee_asset, each.fee_in_quote)
                )
            case TradeClosed() if each.strategy_id == strategy_id:
                record.trips.append(
                    Trip(each.side, each.quantity, each.entry_price, each.exit_price, each.fees, each.pnl)
                )
            case StrategyStopped() if each.strategy_id == strategy_id:
                record.stops.append((each.time_ms, each.reason))
            case _:
                pass
    for name, values in seen.items():
        if name in orders:
            orders[name].seen = values
    record.orders = list(orders.values())
    return record


def compare(one: Record, other: Record) -> Comparison:
    """Hold two runs side by side, over the time in which both decided."""
    return _Comparing(one, other).compared()


class _Comparing:
    """Walks along both runs in time, and keeps what each holds as it goes."""

    def __init__(self, one: Record, other: Record) -> None:
        self._runs = (one, other)
        self._begin, self._end = max(one.first_ms, other.first_ms), min(one.last_ms, other.last_ms)
        self._differences = list(_settings(one, other))
        self._has_other_settings = bool(self._differences)
        self._held = [ZERO, ZERO]
        self._root = ""
        self._orders = self._fills = 0

    def compared(self) -> Comparison:
        one, other = self._runs
        if self._begin > self._end:
            self._add(Cause.MISSED_DATA, one.first_ms, "the runs have no time in common")
        pairs = list(_matched(self._within(one), self._within(other)))
        for ours, theirs in pairs:
            if ours is not None and theirs is not None:
                self._both(ours, theirs)
            else:
                self._alone(ours, theirs)
            for at, order in enumerate((ours, theirs)):
                if order is not None:
                    self._held[at] += order.filled if order.side is Side.BUY else -order.filled
            if self._held[0] == self._held[1]:
                self._root = ""
        refused = self._refusals()
        return Comparison(one, other, self._orders, self._fills, refused, self._differences)

    def _within(self, run: Record) -> list[Placed]:
        return [order for order in _timed(run) if self._begin <= order.time_ms <= self._end]

    def _both(self, ours: Placed, theirs: Placed) -> None:
        """Compare an order that both decided on."""
        before = len(self._differences)
        for name in ("type", "quantity", "price", "stop_price", "reason"):
            one, other = getattr(ours, name), getattr(theirs, name)
            if one != other:
                self._add(
                    self._why(ours, theirs), ours.time_ms, f"{_named(ours)}: {name} {_told(one)} and {_told(other)}"
                )
        if len(self._differences) == before:
            self._orders += 1
        if ours.quantity != theirs.quantity and all(each.filled == each.quantity for each in (ours, theirs)):
            return
        if ours.status != theirs.status and ours.filled != theirs.filled:
            self._outcome(ours, theirs)
        elif ours.filled != theirs.filled:
            what = f"{_named(ours)}: {plain(ours.filled)} and {plain(theirs.filled)} of it filled"
            self._add(Cause.LIQUIDITY, ours.time_ms, what)
        elif ours.fills:
            self._prices(ours, theirs)

    def _outcome(self, ours: Placed, theirs: Placed) -> None:
        ends = {OrderStatus.REJECTED.value, OrderStatus.EXPIRED.value, OrderStatus.VOID.value}
        refused = next((each for each in (ours, theirs) if each.status in ends), None)
        words = f"{_named(ours)}: {_ended(ours)} and {_ended(theirs)}"
        cause = Cause.REJECTION if refused is not None and not refused.fills else Cause.LIQUIDITY
        self._add(cause, ours.time_ms, words)

    def _prices(self, ours: Placed, theirs: Placed) -> None:
        """Compare what a quantity that filled in both was paid for."""
        sign = 1 if ours.side is Side.BUY else -1
        more = (theirs.paid - ours.paid) * sign
        late_ms = (theirs.last_ms - theirs.time_ms) - (ours.last_ms - ours.time_ms)
        alike = True
        if more:
            cause = Cause.LATENCY if abs(late_ms) >= LATE_MS else Cause.SLIPPAGE
            if self._has_other_settings and cause is Cause.SLIPPAGE and self._differs_in("fill", "slippage_bps"):
                cause = Cause.SETTINGS
            average = [each.paid / each.filled for each in (ours, theirs)]
            what = f"{_named(ours)}: filled at {plain(average[0])} and {plain(average[1])}"
            if cause is Cause.LATENCY:
                what += f", {abs(late_ms)} ms {'later' if late_ms > 0 else 'earlier'}"
            self._add(cause, ours.time_ms, what, more)
            alike = False
        # A fee of the same rate differs with the price that it is taken of: that is no difference of its own.
        one, other = (each.fee / each.paid if each.paid else ZERO for each in (ours, theirs))
        assets = [sorted({fill.fee_asset for fill in each.fills}) for each in (ours, theirs)]
        if assets[0] != assets[1] or abs(one - other) * 10**6 > 1:
            what = (
                f"{_named(ours)}: fee {_rate(one)} in {'/'.join(assets[0])} and {_rate(other)} in {'/'.join(assets[1])}"
            )
            self._add(Cause.FEE, ours.time_ms, what, theirs.fee - ours.fee)
            alike = False
        self._fills += len(ours.fills) if alike else 0

    def _alone(self, ours: Placed | None, theirs: Placed | None) -> None:
        """Say why an order stands in one run only."""
        order, missing = (ours, 1) if ours is not None else (theirs, 0)
        assert order is not None
        run = self._runs[missing]
        what = f"{_named(order)} in {self._runs[1 - missing].label}, none in {run.label}"
        denied = next((each for each in run.refused if each.time_ms == order.time_ms and each.side is order.side), None)
        stopped = next((why for at, why in run.stops if at <= order.time_ms), "")
        if self._root:
            self._add(Cause.FOLLOWS, order.time_ms, f"{what}: it holds something else since {self._root}")
        elif denied is not None:
            self._add(Cause.REJECTION, order.time_ms, f"{what}: denied there by {denied.rule} ({denied.reason})")
        elif any(first <= order.time_ms <= last for first, last in run.gaps):
            self._add(Cause.MISSED_DATA, order.time_ms, f"{what}: it saw no candle then")
        elif stopped and order.purpose == Purpose.ENTRY.value:
            self._add(Cause.REJECTION, order.time_ms, f"{what}: it was stopped before ({stopped})")
        else:
            self._add(self._why_alone(), order.time_ms, what)

    def _why_alone(self) -> Cause:
        return Cause.SETTINGS if self._has_other_settings else Cause.UNEXPLAINED

    def _why(self, ours: Placed, theirs: Placed) -> Cause:
        """Say why two orders of one moment are not the same."""
        if self._root:
            return Cause.FOLLOWS
        shared = ours.seen.keys() & theirs.seen.keys()
        if any(abs(ours.seen[name] - theirs.seen[name]) > 1e-9 * abs(ours.seen[name]) for name in shared):
            return Cause.MISSED_DATA
        return self._why_alone()

    def _refusals(self) -> int:
        """Count the wishes denied alike. Which of a repeated wish is kept depends on orders, so only rules count."""
        kept = [
            [(each.time_ms, each.side, each.rule) for each in run.refused if self._begin <= each.time_ms <= self._end]
            for run in self._runs
        ]
        return len(set(kept[0]) & set(kept[1]))

    def _differs_in(self, *names: str) -> bool:
        one, other = self._runs
        return any(one.settings.get(name) != other.settings.get(name) for name in names)

    def _add(self, cause: Cause, time_ms: int, what: str, quote: Decimal | None = None) -> None:
        self._differences.append(Difference(cause, time_ms, what, quote))
        if not self._root and cause not in {Cause.FEE, Cause.SLIPPAGE, Cause.LATENCY}:
            self._root = what


def moment(time_ms: int) -> str:
    """Write a time for people, in UTC."""
    return f"{datetime.fromtimestamp(time_ms / 1000, UTC):%Y-%m-%d %H:%M:%S}"


def latencies(run: Record) -> Mapping[str, float] | None:
    """Give how long fills of market orders took from their decision, in ms; None without any."""
    taken = [order.last_ms - order.time_ms for order in run.orders if order.fills and order.type == "MARKET"]
    return {"median_ms": float(median(taken)), "most_ms": float(max(taken))} if taken else None


def _settings(one: Record, other: Record) -> Iterator[Difference]:
    for name in sorted(one.settings.keys() | other.settings.keys()):
        ours, theirs = one.settings.get(name), other.settings.get(name)
        if ours != theirs and name not in _NOT_COMPARED:
            yield Difference(
                Cause.SETTINGS, min(one.first_ms, other.first_ms), f"{name} is {_told(ours)} and {_told(theirs)}"
            )


def _timed(run: Record) -> list[Placed]:
    """Give a run's orders by market time.

    An order that is no decision of a candle (a stop that guards a fill, an exit that waited for it to make way) may
    bear the clock of the machine, which a replayed market is far behind: it counts as decided with what came before it.
    """
    found: list[Placed] = []
    now_ms = run.first_ms
    for order in run.orders:
        if order.time_ms > run.last_ms:
            order = msgspec.structs.replace(order, time_ms=now_ms)  # noqa: PLW2901 (the same order by another clock)
        now_ms = max([now_ms, order.time_ms, *(fill.time_ms for fill in order.fills if fill.time_ms <= run.last_ms)])
        found.append(order)
    return found


def _matched(ours: Sequence[Placed], theirs: Sequence[Placed]) -> Iterator[tuple[Placed | None, Placed | None]]:
    """Give pairs of orders in order of time.

    First by the moment of the decision, side and purpose. What is left was decided by no candle: it is matched by what
    it is, between the same neighbours.
    """
    partner = dict(_paired(list(enumerate(map(_key, ours))), list(enumerate(map(_key, theirs)))))
    anchors = [_anchors(len(ours), partner, partner), _anchors(len(theirs), {it: it for it in partner.values()}, {})]
    left = [
        [(at, (anchors[0][at], *_kind(order))) for at, order in enumerate(ours) if at not in partner],
        [(at, (anchors[1][at], *_kind(order))) for at, order in enumerate(theirs) if at not in partner.values()],
    ]
    partner |= dict(_paired(left[0], left[1]))
    pairs: list[tuple[Placed | None, Placed | None]] = [
        (order, theirs[partner[at]] if at in partner else None) for at, order in enumerate(ours)
    ]
    taken = set(partner.values())
    pairs += [(None, order) for at, order in enumerate(theirs) if at not in taken]
    yield from sorted(pairs, key=lambda pair: (pair[0] or pair[1]).time_ms)  # type: ignore[union-attr]


def _paired(ours: Sequence[tuple[int, object]], theirs: Sequence[tuple[int, object]]) -> Iterator[tuple[int, int]]:
    """Pair places whose keys are equal, the first with the first."""
    waiting: dict[object, list[int]] = defaultdict(list)
    for at, key in theirs:
        waiting[key].append(at)
    for at, key in ours:
        if found := waiting.get(key):
            yield at, found.pop(0)


def _anchors(size: int, partner: Mapping[int, int], named: Mapping[int, int]) -> list[int]:
    """Give for each place the last matched one before it, by its place in the other run."""
    found, last = [], -1
    for at in range(size):
        found.append(last)
        if at in partner:
            last = named.get(at, at)
    return found


def _kind(order: Placed) -> tuple[str, str, str]:
    return order.side, order.purpose, order.type


def _key(order: Placed) -> tuple[int, str, str]:
    return order.time_ms, order.side, order.purpose


def _named(order: Placed) -> str:
    return f"{order.side.value} {plain(order.quantity)} ({order.reason})"


def _ended(order: Placed) -> str:
    return f"{order.status}{f' ({order.status_reason})' if order.status_reason else ''}"


def _rate(rate: Decimal) -> str:
    return f"{float(rate):.4%}"


def _told(value: object) -> str:
    return plain(value) if isinstance(value, Decimal) else str(value)
