"""Two runs of one strategy side by side: what both did alike, and where they part, by cause.

A run is what came out of the engine, whoever ran it: a backtest, paper, rehearsal or live money. Orders are matched by
the moment of their decision, which is the close of the candle that brought it about and so the same in every mode.
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

import msgspec

from bot.domain.money import ZERO, plain
from bot.domain.order import OrderStatus, Purpose, Side
from bot.reporting.matching import matched, timed
from bot.reporting.run_record import Placed, Record

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
        pairs = list(matched(self._within(one), self._within(other)))
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
        return [order for order in timed(run) if self._begin <= order.time_ms <= self._end]

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


def _settings(one: Record, other: Record) -> Iterator[Difference]:
    for name in sorted(one.settings.keys() | other.settings.keys()):
        ours, theirs = one.settings.get(name), other.settings.get(name)
        if ours != theirs and name not in _NOT_COMPARED:
            yield Difference(
                Cause.SETTINGS, min(one.first_ms, other.first_ms), f"{name} is {_told(ours)} and {_told(theirs)}"
            )


def _named(order: Placed) -> str:
    return f"{order.side.value} {plain(order.quantity)} ({order.reason})"


def _ended(order: Placed) -> str:
    return f"{order.status}{f' ({order.status_reason})' if order.status_reason else ''}"


def _rate(rate: Decimal) -> str:
    return f"{float(rate):.4%}"


def _told(value: object) -> str:
    return plain(value) if isinstance(value, Decimal) else str(value)
