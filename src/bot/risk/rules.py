"""The rules: one function each, named for what it guards. Each gives the reason of its objection, or None.

Entries meet every rule. Exits meet `minimum_profit` and the exchange's own limits; stops meet only the latter, so that
no rule ever keeps a strategy in a losing position.
"""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from bot.domain.money import EXACT, ZERO, plain
from bot.domain.order import Order, Purpose
from bot.domain.state import AccountState


class Limits(msgspec.Struct, frozen=True):
    """What a strategy or an account is allowed. 0 or None switches a limit off. Amounts in quote, fractions plain."""

    min_price: float = 0.0
    max_price: float = 0.0
    max_order_value: Decimal | None = None
    max_open_orders: int = 200
    max_drawdown: float | None = None
    daily_loss: float | None = None
    min_profit: float = 0.0
    fee_pct: float = 0.0
    max_exposure: Decimal | None = None
    """Quote amount that may be at risk at once, at worst: what is held and what open entries may still add."""
    max_symbol_exposure: Decimal | None = None
    """The same for one symbol, all strategies of the account together."""


class Standing(msgspec.Struct, frozen=True):
    """Where a strategy or an account stands now, in quote."""

    equity: float
    peak_equity: float
    day_equity: float
    """Equity at the first event of this UTC day."""
    open_orders: int
    pending_entries: int = 0
    unknown_orders: int = 0
    """Orders of which nobody can tell whether they stand."""
    exposure: Decimal = ZERO
    """Quote at risk at worst: an order of unknown outcome counts as open and as filled."""

    @property
    def drawdown(self) -> float:
        """Fraction lost from the peak."""
        return (self.peak_equity - self.equity) / self.peak_equity if self.peak_equity > 0 else 0.0

    @property
    def lost_today(self) -> float:
        """Quote amount lost since the day began."""
        return self.day_equity - self.equity


class Proposal(msgspec.Struct, frozen=True):
    """An order before it is sent, with all that the rules look at. `price` is the reference (last close)."""

    order: Order
    price: float
    worth: Decimal
    free_quote: Decimal
    gain: float
    """Fraction the position gains when left at `price`, after fees of both ways."""
    is_tradable: bool
    broken_filter: str | None
    strategy_limits: Limits
    account_limits: Limits
    strategy: Standing
    account: Standing
    symbol_exposure: Decimal = ZERO
    """Quote at risk in this symbol at worst, all strategies of the account together."""
    state: AccountState = AccountState.READY
    state_reason: str = ""
    unprotectable: str | None = None
    """Why the stop of this entry could not rest on the exchange, where it has to."""
    is_closing: bool = False
    """A person wants everything closed, and this does it."""
    is_guard: bool = False
    """A stop that goes to rest on the exchange while a kill switch halts the account."""

    @property
    def is_entry(self) -> bool:
        """True when the order takes new risk."""
        return self.order.purpose is Purpose.ENTRY


Rule = Callable[[Proposal], str | None]


def account_state(proposal: Proposal) -> str | None:
    """New risk is taken in READY alone; a halted account, or one that still starts, sends no order at all.

    But what a person wants closed is closed in a halt, too, and under a kill switch what is held stays guarded.
    """
    state = proposal.state
    is_let_out = proposal.is_closing or proposal.is_guard
    if state is AccountState.READY or (state is AccountState.HALTED and is_let_out):
        return None
    if proposal.is_entry or state in {AccountState.BOOT, AccountState.HALTED}:
        return f"the account is {state.value}" + (f": {proposal.state_reason}" if proposal.state_reason else "")
    return None


def known_outcomes(proposal: Proposal) -> str | None:
    """No entry while nobody can tell whether an earlier order of the strategy stands."""
    if proposal.strategy.unknown_orders:
        return "the outcome of an earlier order is not known yet"
    return None


def tradable(proposal: Proposal) -> str | None:
    """The exchange takes orders for this symbol now."""
    return None if proposal.is_tradable else f"{proposal.order.symbol} is not trading"


def exchange_filters(proposal: Proposal) -> str | None:
    """The order obeys the filters in force: what the exchange would refuse is not sent."""
    return proposal.broken_filter and f"would be refused: {proposal.broken_filter}"


def protectable(proposal: Proposal) -> str | None:
    """No entry whose stop could not rest on the exchange, where the strategy wants it there."""
    return proposal.unprotectable


def price_band(proposal: Proposal) -> str | None:
    """No entry outside min_price … max_price."""
    limits = proposal.strategy_limits
    if proposal.price < limits.min_price:
        return f"price {proposal.price:g} is below min_price {limits.min_price:g}"
    if limits.max_price and proposal.price > limits.max_price:
        return f"price {proposal.price:g} is above max_price {limits.max_price:g}"
    return None


def order_value(proposal: Proposal) -> str | None:
    """No entry worth more than the cap of its strategy or account."""
    for owner, limits in (("strategy", proposal.strategy_limits), ("account", proposal.account_limits)):
        cap = limits.max_order_value
        if cap is not None and proposal.worth > cap:
            return f"worth {plain(proposal.worth)} exceeds the {owner}'s cap of {plain(cap)} an order"
    return None


def exposure(proposal: Proposal) -> str | None:
    """No entry that could put more at risk than the strategy, the symbol or the account may."""
    account = proposal.account_limits
    for owner, cap, at_risk in (
        ("strategy", proposal.strategy_limits.max_exposure, proposal.strategy.exposure),
        ("symbol", account.max_symbol_exposure, proposal.symbol_exposure),
        ("account", account.max_exposure, proposal.account.exposure),
    ):
        if cap is not None and (worst := EXACT.add(at_risk, proposal.worth)) > cap:
            return f"the {owner} could have {plain(worst)} at risk, its limit is {plain(cap)}"
    return None


def open_orders(proposal: Proposal) -> str | None:
    """No entry beyond the allowed number of open orders."""
    for owner, limits, standing in (
        ("strategy", proposal.strategy_limits, proposal.strategy),
        ("account", proposal.account_limits, proposal.account),
    ):
        if standing.open_orders >= limits.max_open_orders:
            return f"the {owner} has {standing.open_orders} open orders, its limit"
    return None


def one_entry_at_a_time(proposal: Proposal) -> str | None:
    """No entry at the market while the outcome of an earlier one is not known."""
    if proposal.order.price is None and proposal.strategy.pending_entries:
        return "an earlier entry has no outcome yet"
    return None


def drawdown(proposal: Proposal) -> str | None:
    """No entry once equity has fallen too far from its peak."""
    for owner, limits, standing in (
        ("strategy", proposal.strategy_limits, proposal.strategy),
        ("account", proposal.account_limits, proposal.account),
    ):
        if limits.max_drawdown is not None and standing.drawdown >= limits.max_drawdown:
            return f"the {owner}'s drawdown {standing.drawdown:.2%} reached {limits.max_drawdown:.2%}"
    return None


def daily_loss(proposal: Proposal) -> str | None:
    """No entry after losing too much in one UTC day."""
    for owner, limits, standing in (
        ("strategy", proposal.strategy_limits, proposal.strategy),
        ("account", proposal.account_limits, proposal.account),
    ):
        if limits.daily_loss is not None and standing.lost_today >= limits.daily_loss:
            return f"the {owner} lost {standing.lost_today:.2f} today, its limit is {limits.daily_loss:g}"
    return None


def minimum_profit(proposal: Proposal) -> str | None:
    """No profit exit below `min_profit` after the fees of both ways. Stops pass."""
    wanted = proposal.strategy_limits.min_profit
    if proposal.order.purpose is Purpose.EXIT and wanted and proposal.gain < wanted:
        return f"gain {proposal.gain:.3%} after fees is below min_profit {wanted:.3%}"
    return None


def funds(proposal: Proposal) -> str | None:
    """No entry that the account's free quote balance cannot pay."""
    if proposal.worth > proposal.free_quote:
        return f"needs {plain(proposal.worth)}, free is {plain(proposal.free_quote)}"
    return None


ENTRY_RULES: tuple[Rule, ...] = (
    account_state,
    tradable,
    price_band,
    drawdown,
    daily_loss,
    known_outcomes,
    one_entry_at_a_time,
    open_orders,
    order_value,
    exposure,
    funds,
    exchange_filters,
    protectable,
)
EXIT_RULES: tuple[Rule, ...] = (account_state, tradable, minimum_profit, exchange_filters)
"""Stops are among the exits; no rule keeps a strategy in a losing position."""


def rules_for(proposal: Proposal) -> tuple[Rule, ...]:
    """Give the rules that an order meets."""
    return ENTRY_RULES if proposal.is_entry else EXIT_RULES
