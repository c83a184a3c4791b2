"""Where the money of a backtest is in the end: in the wallet, or in remainders that no figure counts."""

from collections.abc import Sequence
from decimal import Decimal
from itertools import chain
from typing import TYPE_CHECKING

from bot.commands.output import warn

if TYPE_CHECKING:
    from bot.backtest.run import Outcome
    from bot.history.columns import Columns

_NO_MONEY = "funds"
"""The rule of risk that refuses an entry which cannot be paid."""


def wallet(outcome: "Outcome", series: "Sequence[Columns]", quote: str, funds: Decimal) -> dict[str, float]:
    """Give what is left of the quote asset, and what remainders in base are worth at the last price, both in quote.

    Remainders are what closed round trips left, too little to be sold. What is held still counts in neither.
    """
    from bot.domain.figures import left_over  # noqa: PLC0415
    from bot.domain.money import EXACT  # noqa: PLC0415

    tally, ledgers = outcome.tally, {slot.ledger for slot in outcome.slots}
    left = funds
    booked = (*(each.postings for each in tally.fills), *(each.postings for each in tally.income))
    for posting in chain.from_iterable(booked):
        if posting.asset == quote and posting.ledger in ledgers:
            left = EXACT.add(left, posting.amount)
    closes = {columns.stream: float(columns.close[-1]) for columns in series}
    dust = 0.0
    for slot in outcome.slots:
        fills = [each for each in tally.fills if each.strategy_id == slot.id]
        trades = [each for each in tally.trades if each.strategy_id == slot.id]
        dust += float(left_over(fills, trades, slot.instrument)) * closes[slot.stream]
    return {"wallet": float(left), "dust": dust}


def warn_of_poverty(outcome: "Outcome") -> None:
    """Say from when on entries could not be paid."""
    from bot.history.checks import when  # noqa: PLC0415

    poor = min((each.time_ms for each in outcome.tally.denied if each.rule == _NO_MONEY), default=None)
    if poor is not None:
        warn(f"entries were refused for lack of money from {when(poor)} on: raise --funds")
