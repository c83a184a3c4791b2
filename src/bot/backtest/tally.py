"""The tally of a backtest: what came out of the engine that a report is made of, in the order in which it came."""

from decimal import Decimal

from bot.domain.messages import (
    Decision,
    FillBooked,
    IncomeBooked,
    IncomeKind,
    OrderFound,
    Outcome,
    PlaceOrder,
    StrategyStopped,
    TradeClosed,
    Verdict,
)
from bot.domain.money import EXACT, ZERO


class Tally:
    """Keeps fills, round trips, refusals and stops. Quiet candles leave nothing here."""

    def __init__(self) -> None:
        self.fills: list[FillBooked] = []
        self.trades: list[TradeClosed] = []
        self.denied: list[Decision] = []
        self.stopped: list[StrategyStopped] = []
        self.income: list[IncomeBooked] = []
        """Funding, and what liquidations took."""
        self.forced: list[OrderFound] = []
        """Orders by which the exchange closed positions itself."""

    def place(self, command: PlaceOrder) -> None:
        """Hear of an order that goes out. Nothing here is made of it; its fills tell all that counts."""

    def take(self, outcome: Outcome) -> None:
        """Keep what matters of what the engine decided."""
        kind = type(outcome)
        if kind is FillBooked:
            self.fills.append(outcome)  # type: ignore[arg-type]
        elif kind is TradeClosed:
            self.trades.append(outcome)  # type: ignore[arg-type]
        elif kind is Decision:
            if outcome.verdict is Verdict.DENIED:  # type: ignore[union-attr]
                self.denied.append(outcome)  # type: ignore[arg-type]
        elif kind is StrategyStopped:
            self.stopped.append(outcome)  # type: ignore[arg-type]
        elif kind is IncomeBooked:
            self.income.append(outcome)  # type: ignore[arg-type]
        elif kind is OrderFound:
            self.forced.append(outcome)  # type: ignore[arg-type]

    @property
    def net_pnl(self) -> Decimal:
        """P&L of all closed round trips, fees taken off, in quote."""
        total = ZERO
        for trade in self.trades:
            total = EXACT.add(total, trade.pnl)
        return total

    @property
    def fees(self) -> Decimal:
        """Fees of all fills, in quote."""
        total = ZERO
        for booked in self.fills:
            total = EXACT.add(total, booked.fee_in_quote)
        return total

    @property
    def funding(self) -> Decimal:
        """What funding gave, in quote; below zero when it took more."""
        return self._sum(IncomeKind.FUNDING)

    @property
    def liquidation_fees(self) -> Decimal:
        """What liquidations took beyond their trades, in quote, as a figure above zero."""
        return EXACT.subtract(ZERO, self._sum(IncomeKind.LIQUIDATION))

    def _sum(self, kind: IncomeKind) -> Decimal:
        total = ZERO
        for each in self.income:
            if each.kind is kind:
                total = EXACT.add(total, each.amount)
        return total
