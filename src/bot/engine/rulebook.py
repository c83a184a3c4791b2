"""The rulebook: by which rules of the exchange orders are sized and checked, and when they may be out of date."""

from collections.abc import Iterable, Mapping

from bot.domain.instrument import Instrument
from bot.domain.market import Market
from bot.engine.slot import Slot

RULES_BROKEN = {-1013, -1111, -1121, -4003, -4004, -4005, -4014, -4023, -4140, -4164}
"""Refusals by which the exchange says that it has other rules for a symbol than we know."""


def are_doubtful(slots: Iterable[Slot]) -> bool:
    """Say whether a symbol is not traded by the rules we know, or the exchange refused an order by other ones."""
    return any(slot.doubts_rules or not slot.instrument.is_tradable for slot in slots)


def take(slots: Iterable[Slot], listed: Mapping[tuple[Market, str], Instrument]) -> list[str]:
    """Size and check orders by these rules from now on; gives the symbols whose rules are new."""
    changed: set[str] = set()
    for slot in slots:
        slot.doubts_rules = False
        rules = listed.get((slot.stream.market, slot.stream.symbol), slot.instrument)
        if rules != slot.instrument:
            slot.instrument = rules
            changed.add(rules.symbol)
    return sorted(changed)
