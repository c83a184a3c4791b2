"""The base of strategies: it only says what it wants; the engine fits, permits and sends.

A strategy sees a read-only view: its own position, orders, equity and instrument. It can sell what it bought itself
and nothing else. Every wish carries a reason, and the decision is kept.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, ClassVar, Protocol

import msgspec

from bot.domain.instrument import Instrument
from bot.domain.market import Candle
from bot.domain.messages import OrderUpdate
from bot.domain.order import Fill, Order, Purpose, Side
from bot.domain.position import Position
from bot.strategies.columns import ENTER, STOP, Frame, KnownRow, SignalRow, Signals
from bot.strategies.config import StrategyConfig
from bot.strategies.indicators import Indicator


class Wish(msgspec.Struct, frozen=True):
    """What a strategy wants: one order.

    `quantity` is in base; None means one `order_value` for an entry and everything held for an exit.
    `price` None means at the market.
    """

    side: Side
    purpose: Purpose
    reason: str
    quantity: float | Decimal | None = None
    price: float | None = None


class CancelWish(msgspec.Struct, frozen=True):
    """What a strategy no longer wants: one of its open orders."""

    client_order_id: str
    reason: str


class View(Protocol):
    """What a strategy may look at. To be read, not changed."""

    @property
    def position(self) -> Position:
        """What it holds."""
        ...

    @property
    def orders(self) -> Sequence[Order]:
        """Its open orders."""
        ...

    @property
    def equity(self) -> float:
        """Capital plus P&L, in quote."""
        ...

    @property
    def instrument(self) -> Instrument:
        """Its symbol and the rules in force."""
        ...


class Strategy:
    """Override `on_start` and `on_tick`; call `buy`, `sell`, `sell_all`, `close`, `cancel` with a reason.

    Or override `signals` and `lookback`: then `on_tick` is made of them, and backtests skip what no signal touches.
    """

    name: ClassVar[str]
    Config: ClassVar[type[StrategyConfig]] = StrategyConfig
    open_candles: ClassVar[bool] = False
    """True to be shown the forming candle too (`candle.is_closed` is False then)."""

    def __init__(self, config: StrategyConfig, services: View) -> None:
        self.config: Any = config
        self.services = services
        self.indicators: list[Indicator] = []
        self._wishes: list[Wish | CancelWish] = []
        self.signal_row: SignalRow | KnownRow | None = None
        if type(self).has_signals():
            self.signal_row = self.indicator(SignalRow(self.signals, self.lookback))

    @classmethod
    def has_signals(cls) -> bool:
        """Say whether it decides by columns."""
        return cls.signals is not Strategy.signals

    # What it wants, as columns.

    def signals(self, frame: Frame) -> Signals:
        """Say for each row of a frame whether it enters or leaves there, by that row and `lookback - 1` before it."""
        raise NotImplementedError(f"{type(self).__name__} decides by neither columns nor on_tick")

    def know(self, frame: Frame) -> None:
        """Take all candles that will come at once, so that signals are looked up and not computed row by row."""
        assert self.signal_row is not None
        known = KnownRow(self.signals(frame), self.lookback)
        self.indicators[self.indicators.index(self.signal_row)] = known
        self.signal_row = known

    @property
    def lookback(self) -> int:
        """How many candles, its own among them, a row of `signals` is made of."""
        return 1

    def on_start(self) -> None:
        """Called once before the first candle: create indicators here."""

    def on_tick(self, candle: Candle) -> Any:  # noqa: ARG002 (the columns have seen it)
        """Called for each closed candle once its indicators are warm. May be `async def` if it never really waits."""
        if self.signal_row is not None and (mark := self.signal_row.mark):
            self._follow(self.signal_row.signals, mark)

    def _follow(self, signals: Signals, mark: int) -> None:
        if self.position.is_flat:
            if mark & ENTER:
                self.buy(signals.why_enter)
        elif mark & STOP:
            self.close(signals.why_stop)
        elif mark != ENTER:
            self.sell_all(signals.why_exit)

    def on_fill(self, fill: Fill) -> None:
        """Called when one of its orders traded."""

    def on_order(self, update: OrderUpdate) -> None:
        """Called when one of its orders changed state."""

    def on_stop(self) -> None:
        """Called once when it ends."""

    # What it may look at.

    @property
    def position(self) -> Position:
        """What it holds."""
        return self.services.position

    @property
    def orders(self) -> Sequence[Order]:
        """Its open orders."""
        return self.services.orders

    @property
    def equity(self) -> float:
        """Its capital plus P&L, in quote."""
        return self.services.equity

    @property
    def instrument(self) -> Instrument:
        """Its symbol and the rules in force."""
        return self.services.instrument

    def indicator[T: Indicator](self, indicator: T) -> T:
        """Register an indicator: it is fed before each `on_tick`, and from history before the first."""
        self.indicators.append(indicator)
        return indicator

    @property
    def warm_up(self) -> int:
        """Candles of history it needs before its first decision."""
        return max((each.warm_up for each in self.indicators), default=0) + int(self.config.warm_up)

    def seen(self) -> dict[str, float]:
        """Give the values it decides by, for the record of its decisions."""
        seen = {each.label: each.value for each in self.indicators if each.ready and each is not self.signal_row}
        if self.signal_row is not None:
            signals, row = self.signal_row.signals, self.signal_row.row
            seen |= {label: float(values[row]) for label, values in signals.seen.items()}
        return seen

    # What it may want.

    def buy(self, reason: str, *, quantity: float | Decimal | None = None, price: float | None = None) -> None:
        """Enter (or add to) a long position: one `order_value` unless a quantity is given."""
        self._wishes.append(Wish(Side.BUY, Purpose.ENTRY, reason, quantity, price))

    def short(self, reason: str, *, quantity: float | Decimal | None = None, price: float | None = None) -> None:
        """Enter (or add to) a short position: futures only. `close` leaves it."""
        self._wishes.append(Wish(Side.SELL, Purpose.ENTRY, reason, quantity, price))

    def sell(self, reason: str, *, quantity: float | Decimal | None = None, price: float | None = None) -> None:
        """Sell of what it holds, or all of it. Held back while the gain is below `min_profit`."""
        self._wishes.append(Wish(Side.SELL, Purpose.EXIT, reason, quantity, price))

    def sell_all(self, reason: str) -> None:
        """Sell all it holds at the market. Held back while the gain is below `min_profit`."""
        self.sell(reason)

    def close(self, reason: str) -> None:
        """Leave the position at the market whatever the gain: a protective exit that `min_profit` never holds back."""
        side = Side.BUY if self.position.is_short else Side.SELL
        self._wishes.append(Wish(side, Purpose.STOP, reason))

    def cancel(self, client_order_id: str, reason: str = "no longer wanted") -> None:
        """Cancel one of its open orders."""
        self._wishes.append(CancelWish(client_order_id, reason))

    def take_wishes(self) -> list[Wish | CancelWish]:
        """Hand over what was wanted since the last call; for the engine."""
        wishes = self._wishes
        if wishes:
            self._wishes = []
        return wishes
