"""A slot: one strategy's place in the engine, with its position, its open orders and its standing.

It is also the read-only view that the strategy looks at.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from decimal import Decimal

from bot.domain.instrument import Instrument
from bot.domain.ledger import strategy_ledger
from bot.domain.market import Market, Stream
from bot.domain.messages import EquityMarked
from bot.domain.money import EXACT, ZERO, exact, times
from bot.domain.order import Fill, Order, OrderStatus, OrderType, Purpose, Side
from bot.domain.position import LATELY, Position
from bot.engine.leaving import Leaving
from bot.engine.protection import Guard, is_leg
from bot.risk.rules import Limits, Standing
from bot.strategies.base import Strategy, Wish
from bot.strategies.config import StrategyConfig

DAY_MS = 86_400_000
REFUSALS_MAX, REFUSALS_WITHIN_MS = 3, 60_000
"""So many equal refusals within so long: asking once more would be answered in the same way."""


class LiveOrder:
    """An order of ours and how far it came."""

    __slots__ = ("exchange_order_id", "filled", "order", "quote_filled", "status")

    def __init__(
        self,
        order: Order,
        status: OrderStatus = OrderStatus.SENT,
        filled: Decimal = ZERO,
        quote_filled: Decimal = ZERO,
        exchange_order_id: int = 0,
    ) -> None:
        self.order = order
        self.status = status
        self.filled = filled
        self.quote_filled = quote_filled
        self.exchange_order_id = exchange_order_id

    @property
    def remaining(self) -> Decimal:
        """Quantity that may still trade."""
        return self.order.quantity - self.filled


class Slot:
    """One strategy at work."""

    def __init__(
        self, strategy_id: int, strategy: type[Strategy], config: StrategyConfig, instrument: Instrument
    ) -> None:
        self.id = strategy_id
        self.config = config
        self.instrument = instrument
        self.stream = Stream(config.market_of, config.symbol, config.candle)
        self.ledger = strategy_ledger(strategy_id)
        self.position = Position(config.symbol, config.market_of)
        self.live: dict[str, LiveOrder] = {}
        self.limits = limits_of(config)
        self.capital = config.capital_or_default
        self.realised = ZERO
        self.peak_equity = self.capital
        self.follows_peak = config.max_drawdown is not None
        """Whether equity matters with each candle, since a fall from its peak stops the strategy."""
        self.day_ends_ms = 0
        self.day_equity = self.capital
        self.last_price = 0.0
        self.last_open = -1
        self.candles = 0
        self.is_warm = False
        self.watches_exits = any(each is not None for each in (config.stop_loss, config.take_profit, config.trailing))
        """Whether the engine itself looks for exits with each candle while something is held."""
        self.best_price = 0.0
        self.decided_ms = -1
        """What it saw until then it decided on before a restart, and does not decide on again."""
        self.exited_at = -1 - config.cooldown
        self.exited_ms = 0
        """When the last round trip ended; 0 before the first."""
        self.sequence = 0
        self.awaited_exit: Wish | None = None
        """An exit that goes out when what rests for the same quantity is taken back."""
        self.guard = Guard(is_list=config.market_of is Market.SPOT) if config.protect == "exchange" else None
        self.lately: deque[tuple[int, Decimal]] = deque(maxlen=LATELY)
        """Its newest futures trades: id and quantity, below zero when sold."""
        self._refusals: list[tuple[int, str]] = []
        self.doubts_rules = False
        """Whether the exchange refused an order by rules that we do not know."""
        self.leaving = Leaving()
        self.closing = ""
        """Why a person wants everything closed; "" while nobody does."""
        self.exit_reason = ""
        """Why the last exit was wished for."""
        self.stopped = ""
        self.is_faulted = False
        self.last_denial = ("", Side.BUY)
        self.strategy = strategy(config, self)
        self.on_tick, self.indicators = self.strategy.on_tick, self.strategy.indicators
        self.hears_fills = strategy.on_fill is not Strategy.on_fill
        self.hears_updates = strategy.on_order is not Strategy.on_order

    @property
    def orders(self) -> Sequence[Order]:
        """Orders that may still trade; what guards the position is ours to keep, and not among them."""
        return [live.order for live in self.live.values() if not is_leg(live.order)]

    @property
    def unrealised(self) -> float:
        """Open P&L at the last price, in quote, less the fees already paid for it."""
        position = self.position
        if position.entry_side is None:
            return 0.0
        return position.unrealised(self.last_price) + float(position.gross - position.fees)

    @property
    def equity(self) -> float:
        """Capital plus closed and open P&L, in quote."""
        return self.capital + float(self.realised) + self.unrealised

    def warms(self, time_ms: int) -> bool:
        """Say whether enough candles were seen for a first decision at `time_ms`; from then on `is_warm` says so.

        What was decided on before a restart is not decided on again.
        """
        # Each answer is added up from all indicators, so it is asked no more after that.
        self.is_warm = not (self.is_faulted or self.has_decided(time_ms)) and self.candles >= self.strategy.warm_up
        return self.is_warm

    def has_decided(self, time_ms: int) -> bool:
        """Say whether the candle that closes at `time_ms` was decided on before a restart; forming ones never were."""
        return time_ms <= self.decided_ms and not self.strategy.open_candles

    @property
    def has_exposure(self) -> bool:
        """True while anything is held or ordered."""
        return bool(self.live) or bool(self.position.quantity)

    @property
    def exposure(self) -> Decimal:
        """Quote at risk at worst, at the last price: what is held, what open entries may add, and what nobody knows."""
        if not self.has_exposure:
            return ZERO
        at_risk = self.position.quantity.copy_abs()
        for live in self.live.values():
            if live.order.purpose is Purpose.ENTRY:
                at_risk = EXACT.add(at_risk, live.remaining)
                if live.status is OrderStatus.UNKNOWN:
                    at_risk = EXACT.add(at_risk, live.remaining)
        return EXACT.multiply(at_risk, exact(self.last_price))

    def standing(self) -> Standing:
        """Give where it stands for the risk gate."""
        if not self.live:
            return Standing(self.equity, self.peak_equity, self.day_equity, 0, exposure=self.exposure)
        return Standing(
            equity=self.equity,
            peak_equity=self.peak_equity,
            day_equity=self.day_equity,
            open_orders=len(self.live) - (self.take_order is not None and self.stop_order is not None),
            pending_entries=sum(
                live.order.purpose is Purpose.ENTRY and live.order.type is OrderType.MARKET
                for live in self.live.values()
            ),
            unknown_orders=sum(live.status is OrderStatus.UNKNOWN for live in self.live.values()),
            exposure=self.exposure,
        )

    def refused(self, reason: str, time_ms: int) -> bool:
        """Note that the exchange refused an order; True when it did so in the same words too often within a minute."""
        lately = [each for each in self._refusals if time_ms - each[0] < REFUSALS_WITHIN_MS]
        self._refusals = [*lately, (time_ms, reason)]
        return sum(each[1] == reason for each in self._refusals) >= REFUSALS_MAX

    def mark(self, time_ms: int) -> None:
        """Follow equity: its peak, and where the UTC day began."""
        equity = self.equity
        self.peak_equity = max(self.peak_equity, equity)
        if time_ms >= self.day_ends_ms:
            self.begin_day(time_ms, equity)

    def leap(self, candles: int, price: float, opened: int, closed: int) -> None:
        """Pass over so many candles in which nothing can happen; the last one opened, closed and cost this."""
        self.candles += candles
        self.last_price, self.last_open = price, opened
        if closed >= self.day_ends_ms:
            self.mark(closed)

    def begin_day(self, time_ms: int, equity: float) -> None:
        """Count today's loss from this equity, until the UTC day of `time_ms` ends."""
        self.day_ends_ms = (time_ms // DAY_MS + 1) * DAY_MS
        self.day_equity = equity

    def end_trip(self, pnl: Decimal, time_ms: int) -> None:
        """Take the P&L of a closed round trip in and start flat again."""
        self.realised = EXACT.add(self.realised, pnl)
        self.exited_at, self.exited_ms = self.candles, time_ms
        self.best_price = 0.0
        self.awaited_exit = None
        self.position.close()
        self.mark(time_ms)

    def marked(self, time_ms: int) -> EquityMarked:
        """Give the fact of what it is worth now."""
        return EquityMarked(
            self.id,
            time_ms,
            self.equity,
            float(self.realised),
            self.unrealised,
            self.position.quantity,
            self.last_price,
        )

    def pending_exit(self) -> Decimal:
        """Quantity that open exits may still take away. Of a stop and its take profit only one can."""
        guard = self.guard
        return sum(
            (
                live.remaining
                for name, live in self.live.items()
                if live.order.purpose is not Purpose.ENTRY and (guard is None or not guard.is_spare(name))
            ),
            ZERO,
        )

    def exiting(self) -> Decimal:
        """Quantity that open exits may still take away, what guards on the exchange apart."""
        if not self.live:
            return ZERO
        guard = self.guard
        return sum(
            (
                live.remaining
                for name, live in self.live.items()
                if live.order.purpose is not Purpose.ENTRY and (guard is None or not guard.has(name))
            ),
            ZERO,
        )

    @property
    def stop_order(self) -> LiveOrder | None:
        """The stop that guards the position on the exchange, while it is open."""
        return None if self.guard is None else self.live.get(self.guard.order_id)

    @property
    def take_order(self) -> LiveOrder | None:
        """The take profit beside that stop, while it is open."""
        return None if self.guard is None else self.live.get(self.guard.take_id)

    @property
    def is_guarded(self) -> bool:
        """True while the stop or the take profit beside it is open."""
        return self.stop_order is not None or self.take_order is not None

    def resting_exits(self) -> list[LiveOrder]:
        """Give the open exits that wait at a limit, what guards on the exchange apart."""
        return [
            live
            for live in self.live.values()
            if live.order.purpose is not Purpose.ENTRY and live.order.price is not None and not is_leg(live.order)
        ]

    def restore_fills(self, fills: Iterable[tuple[Fill, Decimal]]) -> None:
        """Fold the fills of the open round trip, each with its fee in quote, as they were folded when they came."""
        for fill, fee in fills:
            self.position.apply(fill, self.instrument.base, fee)


def limits_of(config: StrategyConfig) -> Limits:
    """Read the limits out of a strategy's settings."""
    return Limits(
        min_price=config.min_price,
        max_price=config.max_price,
        max_order_value=exact(config.order_value),
        max_open_orders=config.max_open_orders,
        max_drawdown=config.max_drawdown,
        daily_loss=config.daily_loss,
        max_exposure=exact(config.max_exposure) if config.max_exposure is not None else None,
        min_profit=config.min_profit,
        fee_pct=config.fee_pct,
    )


def fee_in_quote(fill: Fill, instrument: Instrument, rate: float, expected: float) -> Decimal:
    """Give a fill's fee in quote: as it is, at the fill's own price when taken in base, else at `rate`.

    While no rate is known (0) a fee in a third asset counts as the `expected` fraction of the fill: never as nothing.
    """
    if fill.fee_asset == instrument.quote:
        return fill.fee
    if fill.fee_asset == instrument.base:
        return times(fill.fee, fill.price)
    if not rate and fill.fee:
        return times(times(fill.price, fill.quantity), exact(expected))
    return times(fill.fee, exact(rate))
