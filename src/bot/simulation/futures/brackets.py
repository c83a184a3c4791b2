"""Leverage brackets: the larger a position, the lower its leverage and the higher its maintenance margin."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec

from bot.domain.money import EXACT, ZERO, number, times


class Bracket(msgspec.Struct, frozen=True):
    """One rung, for notionals above `floor` up to `cap` quote. Ratios are fractions; `cum` is in quote."""

    number: int
    leverage: int
    floor: Decimal
    cap: Decimal
    maintenance_ratio: Decimal
    cum: Decimal


class Ladder(msgspec.Struct, frozen=True):
    """All brackets of one symbol, smallest first."""

    rungs: tuple[Bracket, ...]

    @property
    def largest_leverage(self) -> int:
        """Give the largest leverage that the symbol allows."""
        return self.rungs[0].leverage

    def at(self, notional: Decimal) -> Bracket:
        """Give the bracket of a notional; a notional beyond the last cap is in the last bracket."""
        for rung in self.rungs:
            if notional <= rung.cap:
                return rung
        return self.rungs[-1]

    def cap(self, leverage: int) -> Decimal:
        """Give the largest notional that may be held at this leverage."""
        return max((rung.cap for rung in self.rungs if rung.leverage >= leverage), default=ZERO)

    def maintenance(self, notional: Decimal) -> Decimal:
        """Give the maintenance margin of a notional: notional × ratio − cum of its bracket."""
        rung = self.at(notional)
        return EXACT.subtract(times(notional, rung.maintenance_ratio), rung.cum)


def ladder(steps: Iterable[tuple[int, Decimal, Decimal]]) -> Ladder:
    """Build a ladder from (leverage, cap, maintenance ratio); floors and `cum` follow from those."""
    rungs: list[Bracket] = []
    floor = cum = ratio = ZERO
    for leverage, cap, then in steps:
        cum = EXACT.add(cum, times(floor, EXACT.subtract(then, ratio)) if rungs else ZERO)
        rungs.append(Bracket(len(rungs) + 1, leverage, floor, cap, then, cum))
        floor, ratio = cap, then
    if not rungs:
        raise ValueError("a ladder needs at least one bracket")
    return Ladder(tuple(rungs))


def read_ladder(rows: Sequence[Mapping[str, object]]) -> Ladder:
    """Read the `brackets` list of GET /fapi/v1/leverageBracket, as parsed from JSON, smallest or largest first."""
    rungs = [
        Bracket(
            number=int(_exact(row["bracket"])),
            leverage=int(_exact(row["initialLeverage"])),
            floor=_exact(row["notionalFloor"]),
            cap=_exact(row["notionalCap"]),
            maintenance_ratio=_exact(row["maintMarginRatio"]),
            cum=_exact(row["cum"]),
        )
        for row in rows
    ]
    if not rungs:
        raise ValueError("a symbol needs at least one leverage bracket")
    return Ladder(tuple(sorted(rungs, key=lambda rung: rung.floor)))


def _exact(value: object) -> Decimal:
    """Take a JSON number by its digits; ends like 2.4999999 that floats leave are the sender's own."""
    return number(str(value)).normalize(EXACT)
