"""A double-entry ledger: every movement is two postings that cancel out, so money is moved and never made.

Sub-ledgers `owner`, `dust` and `strategy:<id>` are ours: per asset their sum equals free + locked on the exchange.
Sub-ledgers `market`, `fees`, `funding` and `external` are the other side. All of them together sum to exactly zero.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from bot.domain.money import EXACT, ZERO, times
from bot.domain.order import Fill, Side

OWNER, DUST, MARKET, FEES, FUNDING, EXTERNAL = "owner", "dust", "market", "fees", "funding", "external"
_OTHER_SIDE = frozenset({MARKET, FEES, FUNDING, EXTERNAL})


def strategy_ledger(strategy_id: int) -> str:
    """Name the sub-ledger of a strategy."""
    return f"strategy:{strategy_id}"


class Posting(msgspec.Struct, frozen=True):
    """One line: `amount` of `asset` entered (or left, when negative) a sub-ledger. `source` says by what."""

    ledger: str
    asset: str
    amount: Decimal
    time_ms: int
    source: str


def move(asset: str, amount: Decimal, giver: str, taker: str, time_ms: int, source: str) -> tuple[Posting, Posting]:
    """Move an amount from one sub-ledger to another: the only way that postings are made."""
    return (
        Posting(giver, asset, amount.copy_negate(), time_ms, source),  # (a plain minus rounds to 28 digits)
        Posting(taker, asset, amount, time_ms, source),
    )


def postings_of(fill: Fill, ledger: str, base: str, quote: str) -> tuple[Posting, ...]:
    """Give the postings of a fill: base one way, quote the other, and the fee in whichever asset it was taken."""
    source = f"trade:{fill.market}:{fill.symbol}:{fill.trade_id}"
    paid = times(fill.price, fill.quantity)
    legs: tuple[Posting, ...]
    if fill.side is Side.BUY:
        legs = (
            *move(base, fill.quantity, MARKET, ledger, fill.time_ms, source),
            *move(quote, paid, ledger, MARKET, fill.time_ms, source),
        )
    else:
        legs = (
            *move(base, fill.quantity, ledger, MARKET, fill.time_ms, source),
            *move(quote, paid, MARKET, ledger, fill.time_ms, source),
        )
    if fill.fee:
        legs += move(fill.fee_asset, fill.fee, ledger, FEES, fill.time_ms, source)
    return legs


def gains_of(fill: Fill, ledger: str, quote: str) -> tuple[Posting, ...]:
    """Give the postings of a futures fill: nothing is bought, only gains, losses and fees move money."""
    source = f"trade:{fill.market}:{fill.symbol}:{fill.trade_id}"
    legs: tuple[Posting, ...] = ()
    if fill.realised:
        legs = move(quote, fill.realised, MARKET, ledger, fill.time_ms, source)
    if fill.fee:
        legs += move(fill.fee_asset, fill.fee, ledger, FEES, fill.time_ms, source)
    return legs


class Ledger:
    """Balances folded from postings."""

    def __init__(self, postings: Iterable[Posting] = ()) -> None:
        self._balances: defaultdict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
        self._ours: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
        self.post(postings)

    def open(self, balances: Mapping[tuple[str, str], Decimal]) -> None:
        """Enter balances by (sub-ledger, asset), as the database sums them."""
        self.post(Posting(ledger, asset, amount, 0, "balance") for (ledger, asset), amount in balances.items())

    def post(self, postings: Iterable[Posting]) -> None:
        """Enter postings."""
        for posting in postings:
            key = (posting.ledger, posting.asset)
            self._balances[key] = EXACT.add(self._balances[key], posting.amount)
            if posting.ledger not in _OTHER_SIDE:
                self._ours[posting.asset] = EXACT.add(self._ours[posting.asset], posting.amount)

    def balance(self, ledger: str, asset: str) -> Decimal:
        """Give what a sub-ledger holds of an asset."""
        return self._balances.get((ledger, asset), ZERO)

    def total(self, asset: str) -> Decimal:
        """Give what we hold of one asset."""
        return self._ours.get(asset, ZERO)

    def ours(self) -> dict[str, Decimal]:
        """Give what we hold by asset: what the exchange must show as free + locked."""
        return dict(self._ours)

    def imbalance(self) -> dict[str, Decimal]:
        """Give the assets whose postings do not cancel out: always empty, or something is broken."""
        totals: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
        for (_, asset), amount in self._balances.items():
            totals[asset] = EXACT.add(totals[asset], amount)
        return {asset: amount for asset, amount in totals.items() if amount}
