"""The account as risk sees it: all its strategies together, per quote asset."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from bot.domain.ledger import Ledger
from bot.domain.market import Market
from bot.domain.messages import AccountMarked
from bot.domain.money import EXACT, ZERO, exact
from bot.domain.order import Order, Side
from bot.domain.state import AccountState
from bot.engine.slot import DAY_MS, Slot
from bot.risk.rules import Limits, Standing


class Account:
    """Folds the slots of one account into free money and standing."""

    def __init__(self, limits: Limits, ledger: Ledger, slots: Mapping[int, Slot]) -> None:
        self.limits = limits
        self.state = AccountState.READY
        self.state_reason = ""
        self.keeps_stops = False
        """Halted, yet the stops of what is held may be placed: a kill switch is all that halts it."""
        self._ledger = ledger
        self.slots = slots
        self._peak: dict[str, float] = {}
        self._day: dict[str, tuple[int, float]] = {}

    def free(self, quote: str) -> Decimal:
        """Quote that no open buy has claimed yet."""
        free = self._ledger.total(quote)
        for slot in self.slots.values():
            if not slot.live or slot.instrument.quote != quote:
                continue
            for live in slot.live.values():
                if live.order.side is Side.BUY and not _only_reduces(live.order):
                    price = live.order.price if live.order.price is not None else exact(slot.last_price)
                    free = EXACT.subtract(free, EXACT.multiply(price, live.remaining))
        return free

    def equity(self, quote: str) -> float:
        """Quote owned plus what the strategies hold, at last prices; of futures the open gain: nothing is owned."""
        equity = float(self._ledger.total(quote))
        for slot in self.slots.values():
            position = slot.position
            if position.quantity and slot.instrument.quote == quote:
                if position.market is Market.SPOT:
                    equity += float(position.quantity) * slot.last_price
                else:
                    equity += position.unrealised(slot.last_price)
        return equity

    def standing(self, quote: str, time_ms: int) -> Standing:
        """Give where the account stands in one quote asset, following its peak and its day."""
        equity = self.equity(quote)
        peak = self._peak[quote] = max(self._peak.get(quote, equity), equity)
        day = time_ms // DAY_MS
        if self._day.get(quote, (-1, 0.0))[0] != day:
            self._day[quote] = (day, equity)
        open_orders, at_risk = 0, ZERO
        for slot in self.slots.values():
            open_orders += len(slot.live)
            if slot.instrument.quote == quote and slot.has_exposure:
                at_risk = EXACT.add(at_risk, slot.exposure)
        return Standing(equity, peak, self._day[quote][1], open_orders, exposure=at_risk)

    def symbol_exposure(self, slot: Slot) -> Decimal:
        """Give the quote at risk at worst in a slot's symbol, all strategies together."""
        at_risk, symbol, market = ZERO, slot.stream.symbol, slot.stream.market
        for each in self.slots.values():
            if each.has_exposure and each.stream.symbol == symbol and each.stream.market is market:
                at_risk = EXACT.add(at_risk, each.exposure)
        return at_risk

    def breaches(self, time_ms: int) -> Iterator[str]:
        """Give in words each limit of the account that is broken now, once: whoever asks stops all strategies."""
        allowed = self.limits.max_drawdown
        for quote in self._quotes():
            standing = self.standing(quote, time_ms)
            if allowed is not None and standing.drawdown >= allowed:
                # Only a person lets stopped strategies go on, and the drawdown is measured anew from then.
                self._peak[quote] = standing.equity
                yield f"account drawdown {standing.drawdown:.2%} in {quote} reached {allowed:.2%}"

    def marks(self, time_ms: int) -> Iterator[AccountMarked]:
        """Give the facts of where it stands now."""
        for quote in self._quotes():
            standing = self.standing(quote, time_ms)
            yield AccountMarked(quote, time_ms, standing.peak_equity, standing.day_equity)

    def restore(self, mark: AccountMarked) -> None:
        """Put back where it stood in one quote asset."""
        self._peak[mark.quote] = mark.peak_equity
        self._day[mark.quote] = (mark.time_ms // DAY_MS, mark.day_equity)

    def moved(self, asset: str, amount: Decimal) -> None:
        """Take money that came or went without a trade out of the count: it is no gain and no loss."""
        if asset in self._peak:
            self._peak[asset] += float(amount)
        if asset in self._day:
            day, equity = self._day[asset]
            self._day[asset] = (day, equity + float(amount))

    def _quotes(self) -> list[str]:
        return sorted({slot.instrument.quote for slot in self.slots.values()})


def _only_reduces(order: Order) -> bool:
    """Say whether an order waits to reduce a position: that takes no margin."""
    return order.market is Market.FUTURES and order.stop_price is not None
